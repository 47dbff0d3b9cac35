// What sample.h is for C++, as far as Rust samples need it.

#![allow(dead_code)]

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

extern "C" {
    fn alarm(seconds: u32) -> u32;
    fn getpid() -> i32;
    fn gettid() -> i32;
    fn pause() -> i32;
    fn prctl(option: i32, a: u64, b: u64, c: u64, d: u64) -> i32;
}

const PR_SET_PTRACER: i32 = 0x59616d61;

static HOLDS_TOLD: AtomicU32 = AtomicU32::new(0);
static WAITS_TOLD: AtomicU32 = AtomicU32::new(0);

/// One write for one line: lines of different threads never mix.
pub fn tell(fact: &str) {
    std::io::stdout().write_all(format!("{}\n", fact).as_bytes()).unwrap();
}

/// First thing in main.
pub fn begin() {
    unsafe {
        alarm(300);
        prctl(PR_SET_PTRACER, u64::MAX, 0, 0, 0);
        tell(&format!("pid {}", getpid()));
    }
}

fn my_role() -> String {
    std::thread::current().name().unwrap_or("main").to_string()
}

/// The calling thread's part in the story: the name it was started with.
pub fn role() {
    tell(&format!("role {} {}", my_role(), unsafe { gettid() }));
}

/// Runs `work` in a thread of its own, in this role.
pub fn start<Work: FnOnce() + Send + 'static>(name: &str, work: Work) {
    let run = move || {
        role();
        work();
    };
    std::thread::Builder::new().name(name.to_string()).spawn(run).unwrap();
}

pub fn lock<T>(name: &str, address: *const T, kind: &str) {
    tell(&format!("lock {} {:p} {}", name, address, kind));
}

/// As sample.h: `place` is `sample::place!()`, on the line after the lock was taken.
pub fn partner(name: &str, part: &str, place: impl Display) {
    tell(&format!("partner {} {} {} {}", my_role(), name, part, place));
    HOLDS_TOLD.fetch_add(1, Ordering::SeqCst);
}

pub fn wait_for_holds(holds: u32) {
    while HOLDS_TOLD.load(Ordering::SeqCst) < holds {
        std::thread::yield_now();
    }
}

/// The calling thread waits for it on the very next line of the source.
pub fn waits(name: &str, kind: &str, place: impl Display) {
    tell(&format!("waits {} {} {} {}", my_role(), name, kind, place));
    WAITS_TOLD.fetch_add(1, Ordering::SeqCst);
}

/// Last thing in main: when this many waits were told, says so, and stays.
pub fn ready(waits: u32) -> ! {
    while WAITS_TOLD.load(Ordering::SeqCst) < waits {
        std::thread::yield_now();
    }
    tell("ready");
    loop {
        unsafe { pause() };
    }
}

/// The line it stands on, and the function that it is given.
macro_rules! place {
    ($function:expr) => {
        format_args!("{}:{} {}", file!(), line!(), $function)
    };
}
pub(crate) use place;
