use std::io::Write;
use std::sync::Mutex;

fn main() {
    let mutex = Box::new(Mutex::new(0));
    let _guard = mutex.lock().unwrap();
    println!("{} {:p}\nready", std::process::id(), &*mutex);
    std::io::stdout().flush().unwrap();
    let _again = mutex.lock();
}
