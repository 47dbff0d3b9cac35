use std::io::Write;
use std::sync::RwLock;

fn main() {
    let lock = Box::new(RwLock::new(0));
    let _guard = lock.write().unwrap();
    println!("{} {:p}\nready", std::process::id(), &*lock);
    std::io::stdout().flush().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _shared = lock.read();
        });
    });
}
