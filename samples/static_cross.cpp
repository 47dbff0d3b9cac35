// Two objects that are each made when first asked for, and each ask for the other while they are
// made: function-local statics, or what std::call_once guards. In one thread that is a recursion;
// here two threads each begin at another end.
//
//     left ──wants the catalogue made──▶ its guard ──initialised by──▶ right
//       ▲                                                                │
//       └──initialised by── its guard ◀──wants the prices made───────────┘
//
// Run with: statics | call_once | pthread_once
// pstuck: 2 threads likely wait for each other
// pstuck: 2 threads wait for each other

#include <latch>
#include <mutex>
#include <string>

#include "sample.h"

std::latch both_have_begun(2);
std::atomic<int> asked = 0;
std::once_flag g_prices_once, g_catalogue_once;
pthread_once_t g_prices_control = PTHREAD_ONCE_INIT, g_catalogue_control = PTHREAD_ONCE_INIT;
int made_parts = 0;

/// True for the two calls that come from inside the making of the other object.
bool is_nested() { return asked.fetch_add(1) >= 2; }

int make_prices();
int make_catalogue();

[[gnu::noinline]] int prices() {
  if (is_nested()) sample::waits("prices", "initialisation");
  static const int made = make_prices();
  return made;
}

[[gnu::noinline]] int catalogue() {
  if (is_nested()) sample::waits("catalogue", "initialisation");
  static const int made = make_catalogue();
  return made;
}

[[gnu::noinline]] int make_prices() {
  sample::partner("prices", "initialises", __LINE__, "prices");
  both_have_begun.arrive_and_wait();
  return catalogue() + 1;
}

[[gnu::noinline]] int make_catalogue() {
  sample::partner("catalogue", "initialises", __LINE__, "catalogue");
  both_have_begun.arrive_and_wait();
  return prices() + 1;
}

void fill_prices();
void fill_catalogue();

[[gnu::noinline]] void call_prices() {
  if (is_nested()) sample::waits("g_prices_once", "initialisation");
  std::call_once(g_prices_once, fill_prices);
  ++made_parts;
}

[[gnu::noinline]] void call_catalogue() {
  if (is_nested()) sample::waits("g_catalogue_once", "initialisation");
  std::call_once(g_catalogue_once, fill_catalogue);
  ++made_parts;
}

[[gnu::noinline]] void fill_prices() {
  sample::partner("g_prices_once", "initialises", __LINE__, "call_prices");
  both_have_begun.arrive_and_wait();
  call_catalogue();
  ++made_parts;
}

[[gnu::noinline]] void fill_catalogue() {
  sample::partner("g_catalogue_once", "initialises", __LINE__, "call_catalogue");
  both_have_begun.arrive_and_wait();
  call_prices();
  ++made_parts;
}

void set_prices();
void set_catalogue();

[[gnu::noinline]] void once_prices() {
  if (is_nested()) sample::waits("g_prices_control", "initialisation");
  pthread_once(&g_prices_control, set_prices);
  ++made_parts;
}

[[gnu::noinline]] void once_catalogue() {
  if (is_nested()) sample::waits("g_catalogue_control", "initialisation");
  pthread_once(&g_catalogue_control, set_catalogue);
  ++made_parts;
}

[[gnu::noinline]] void set_prices() {
  sample::partner("g_prices_control", "initialises", __LINE__, "once_prices");
  both_have_begun.arrive_and_wait();
  once_catalogue();
  ++made_parts;
}

[[gnu::noinline]] void set_catalogue() {
  sample::partner("g_catalogue_control", "initialises", __LINE__, "once_catalogue");
  both_have_begun.arrive_and_wait();
  once_prices();
  ++made_parts;
}

int main(int, char** argv) {
  sample::begin();
  const std::string kind = argv[1];
  if (kind == "statics") {
    sample::lock("prices", nullptr, "static_guard");
    sample::lock("catalogue", nullptr, "static_guard");
    sample::start("left", [] { made_parts = prices(); });
    sample::start("right", [] { made_parts = catalogue(); });
    sample::needs("library_symbols", "partner cycle finding");
    sample::finding("deadlock", "inferred");
  } else if (kind == "call_once") {
    sample::lock("g_prices_once", &g_prices_once, "once");
    sample::lock("g_catalogue_once", &g_catalogue_once, "once");
    sample::start("left", call_prices);
    sample::start("right", call_catalogue);
    sample::finding("deadlock");
  } else {
    sample::lock("g_prices_control", &g_prices_control, "once");
    sample::lock("g_catalogue_control", &g_catalogue_control, "once");
    sample::start("left", once_prices);
    sample::start("right", once_catalogue);
    sample::finding("deadlock");
  }
  sample::cycle("left right");
  sample::ready(2);
}
