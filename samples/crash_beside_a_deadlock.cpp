// A mail server moves letters between two folders in both directions at once. A third thread of it
// reads orders; it follows a null pointer at the first one, "crash". A core of that moment has
// both: the thread that crashed, and the two that hung before and would have hung for ever.
//
//     archive ──▶ g_archive ──▶ restore        reader: reads standard input, then crashes
//        ▲                         │
//        └─────── g_inbox ◀────────┘
//
// pstuck: 2 threads wait for each other

#include <latch>
#include <mutex>

#include "sample.h"

struct Folder {
  const char* name;
  long letters = 0;
  std::mutex mutex;
};

struct Order {
  long letters = 0;
};

Folder g_inbox{"g_inbox", 12, {}};
Folder g_archive{"g_archive", 7, {}};
std::latch everybody_holds_one(2);

[[gnu::noinline]] void move_letters(Folder& from, Folder& to) {
  std::lock_guard lock_from(from.mutex);
  sample::holds(from.name);
  everybody_holds_one.arrive_and_wait();
  sample::waits(to.name);
  std::lock_guard lock_to(to.mutex);
  to.letters += from.letters;
  from.letters = 0;
}

Order* volatile g_order = nullptr;

[[gnu::noinline]] void follow_order() { g_inbox.letters += g_order->letters; }

[[gnu::noinline]] void read_orders() {
  char letter = 0;
  while (read(STDIN_FILENO, &letter, 1) == 1) follow_order();
}

int main() {
  sample::begin();
  for (const Folder* folder : {&g_inbox, &g_archive}) sample::lock(folder->name, &folder->mutex);
  sample::start("archive", [] { move_letters(g_inbox, g_archive); });
  sample::start("restore", [] { move_letters(g_archive, g_inbox); });
  sample::start("reader", read_orders);
  sample::cycle("archive restore");
  sample::finding("deadlock");
  sample::ready(2);
}
