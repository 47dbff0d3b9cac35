// Two transfers between the same two accounts, in Rust: the compiler proves that each balance is
// only touched under its mutex, not that the mutexes are taken in one order. A Rust mutex does not
// record its owner.
//
//     rent ──wants──▶ LANDLORD ──locked by──▶ salary
//       ▲                                       │
//       └──locked by── TENANT ◀──────wants──────┘
//
// pstuck: 2 threads likely wait for each other

#[path = "sample.rs"]
mod sample;

use std::sync::Mutex;

static LANDLORD: Mutex<i32> = Mutex::new(100);
static TENANT: Mutex<i32> = Mutex::new(900);

#[inline(never)]
fn receive(account: &Mutex<i32>, name: &str, amount: i32) {
    sample::waits(name, "lock", sample::place!("receive"));
    let mut balance = account.lock().unwrap();
    *balance += amount;
}

#[inline(never)]
fn pay(from: &Mutex<i32>, from_name: &str, to: &Mutex<i32>, to_name: &str, amount: i32) {
    let mut balance = from.lock().unwrap();
    sample::partner(from_name, "holds", sample::place!("pay"));
    sample::wait_for_holds(2);
    *balance -= amount;
    receive(to, to_name, amount);
}

fn main() {
    sample::begin();
    sample::lock("landlord", &LANDLORD, "library_lock");
    sample::lock("tenant", &TENANT, "library_lock");
    sample::start("rent", || pay(&TENANT, "tenant", &LANDLORD, "landlord", 700));
    sample::start("salary", || pay(&LANDLORD, "landlord", &TENANT, "tenant", 800));
    sample::tell("cycle rent salary");
    sample::tell("finding deadlock inferred");
    sample::tell("needs symbols waits partner cycle finding");
    sample::ready(2);
}
