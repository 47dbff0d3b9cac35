use parking_lot::Mutex;
use std::io::Write;

fn main() {
    let mutex = Box::new(Mutex::new(0));
    let _guard = mutex.lock();
    println!("{} {:p}\nready", std::process::id(), &*mutex);
    std::io::stdout().flush().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _again = mutex.lock();
        });
    });
}
