// Threads that had the mutex and gave it back, each in another way. Who has it now has forgotten it.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

static MUTEX: Mutex<u32> = Mutex::new(0);
static OTHER: Mutex<u32> = Mutex::new(0);
static CONDITION: Condvar = Condvar::new();

fn rest() {
    thread::park();
}

/// Too much for anybody to look through.
#[inline(never)]
fn hand_on(mut guard: MutexGuard<u32>, lines: &mut Vec<String>) {
    for i in 0..*guard + 3 {
        lines.push(format!("{} of {}: {}", i, *guard, lines.len()));
        *guard += lines[i as usize % lines.len()].len() as u32;
        lines.sort();
        lines.dedup_by(|a, b| a.len() == b.len() && a > b);
    }
}

#[inline(never)]
fn drop_it(mutex: &Mutex<u32>) {
    let mut guard = mutex.lock().unwrap();
    *guard += 1;
    drop(guard);
    rest();
}

#[inline(never)]
fn leave_it(mutex: &Mutex<u32>) {
    *mutex.lock().unwrap() += 1;
    rest();
}

#[inline(never)]
fn hand_it_on(mutex: &Mutex<u32>, other: &Mutex<u32>) {
    let guard = mutex.lock().unwrap();
    let mut lines = vec![];
    hand_on(guard, &mut lines);
    let others = other.lock().unwrap();
    rest();
    println!("{} {}", others, lines.len());
}

#[inline(never)]
fn wait(mutex: &Mutex<u32>) {
    let mut guard = mutex.lock().unwrap();
    while *guard != u32::MAX {
        guard = CONDITION.wait(guard).unwrap();
    }
}

fn start(work: fn()) -> thread::JoinHandle<()> {
    thread::spawn(work)
}

fn main() {
    println!("{} {:p}\nready", std::process::id(), &MUTEX);
    std::io::stdout().flush().unwrap();
    start(|| drop_it(&MUTEX));
    start(|| leave_it(&MUTEX));
    start(|| hand_it_on(&MUTEX, &OTHER));
    start(|| wait(&MUTEX));
    thread::sleep(std::time::Duration::from_millis(200));
    start(|| std::mem::forget(MUTEX.lock().unwrap())).join().unwrap();
    CONDITION.notify_all();
    *MUTEX.lock().unwrap() += 1;
}
