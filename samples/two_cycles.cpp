// A bank moves money between two of its accounts in both directions at once; in the same process a
// mail server moves letters between two folders in both directions at once. Two deadlocks that
// have nothing to do with each other: mending one leaves the other.
//
//     transfer-out ──▶ g_savings ──▶ transfer-back        archive ──▶ g_archive ──▶ restore
//          ▲                              │                  ▲                         │
//          └───────── g_checking ◀────────┘                  └─────── g_inbox ◀────────┘
//
// pstuck: 2 threads wait for each other

#include <latch>
#include <mutex>

#include "sample.h"

struct Store {
  const char* name;
  long amount = 0;
  std::mutex mutex;
};

Store g_checking{"g_checking", 100, {}};
Store g_savings{"g_savings", 100, {}};
Store g_inbox{"g_inbox", 7, {}};
Store g_archive{"g_archive", 7, {}};
std::latch everybody_holds_one(4);

[[gnu::noinline]] void transfer_funds(Store& from, Store& to, long amount) {
  std::lock_guard lock_from(from.mutex);
  sample::holds(from.name);
  everybody_holds_one.arrive_and_wait();
  sample::waits(to.name);
  std::lock_guard lock_to(to.mutex);
  from.amount -= amount;
  to.amount += amount;
}

[[gnu::noinline]] void move_letters(Store& from, Store& to) {
  std::lock_guard lock_from(from.mutex);
  sample::holds(from.name);
  everybody_holds_one.arrive_and_wait();
  sample::waits(to.name);
  std::lock_guard lock_to(to.mutex);
  to.amount += from.amount;
  from.amount = 0;
}

int main() {
  sample::begin();
  for (const Store* store : {&g_checking, &g_savings, &g_inbox, &g_archive}) {
    sample::lock(store->name, &store->mutex);
  }
  sample::start("transfer-out", [] { transfer_funds(g_checking, g_savings, 5); });
  sample::start("transfer-back", [] { transfer_funds(g_savings, g_checking, 9); });
  sample::start("archive", [] { move_letters(g_inbox, g_archive); });
  sample::start("restore", [] { move_letters(g_archive, g_inbox); });
  sample::cycle("transfer-out transfer-back");
  sample::cycle("archive restore");
  sample::finding("deadlock");
  sample::finding("deadlock");
  sample::ready(4);
}
