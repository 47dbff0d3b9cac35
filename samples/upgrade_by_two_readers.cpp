// Two clients of a table read it, find it out of date, and want to write: each keeps its read lock
// while it asks for the write lock, and so waits for the other one – and for itself – to stop
// reading. A rwlock cannot be upgraded.
//
//     first ──wants to write──▶ g_rates ──read by──▶ second
//       ▲                                             │
//       └──────read by──────── g_rates ◀──wants to write
//
// pstuck: 2 threads likely wait for each other

#include <latch>
#include <mutex>
#include <shared_mutex>

#include "sample.h"

std::shared_mutex g_rates;
double rate = 1.0;
std::latch both_read(2);

[[gnu::noinline]] void write_rate() {
  sample::waits("g_rates", "write_lock");
  std::unique_lock lock(g_rates);
  rate *= 1.1;
}

[[gnu::noinline]] void refresh_rate() {
  std::shared_lock lock(g_rates);
  sample::partner("g_rates", "reads");
  both_read.arrive_and_wait();
  write_rate();
}

int main() {
  sample::begin();
  sample::lock("g_rates", &g_rates, "rwlock");
  sample::start("first", refresh_rate);
  sample::start("second", refresh_rate);
  sample::needs("library_symbols", "partner cycle finding");
  sample::knot("first second"), sample::finding("deadlock", "inferred");
  sample::ready(2);
}
