use std::io::Write;
use std::sync::{Condvar, Mutex};

fn main() {
    let mutex = Mutex::new(0);
    let condition = Box::new(Condvar::new());
    println!("{} {:p}\nready", std::process::id(), &*condition);
    std::io::stdout().flush().unwrap();
    let mut guard = mutex.lock().unwrap();
    loop {
        guard = condition.wait(guard).unwrap();
    }
}
