use parking_lot::RwLock;
use std::io::Write;

fn main() {
    let lock = Box::new(RwLock::new(0));
    let _guard = lock.write();
    println!("{} {:p}\nready", std::process::id(), &*lock);
    std::io::stdout().flush().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _wanted = lock.read();
        });
    });
}
