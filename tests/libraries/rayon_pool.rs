use rayon::prelude::*;
use std::io::Write;

extern "C" {
    fn pause() -> i32;
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(3).build_global().unwrap();
    let sum: u64 = (0..1_000_000u64).into_par_iter().sum();
    println!("{} {:p}\nready", std::process::id(), &sum);
    std::io::stdout().flush().unwrap();
    unsafe { pause() };
}
