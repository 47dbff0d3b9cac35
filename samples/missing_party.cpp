// A simulation goes on in rounds: its three threads meet at a barrier. One of them comes late:
// it wants a lock that another one took along to the barrier, and will never come.
//
//     left, middle ──▶ g_round, 2 of 3 arrived ──is to arrive──▶ right ──wants──▶ g_grid
//                                                                                   │
//     left ◀──────────────────────────held by───────────────────────────────────────┘
//
// Run with: pthread_barrier | std_barrier
// pstuck: 2 threads likely wait for each other

#include <barrier>
#include <mutex>
#include <string>

#include "sample.h"

pthread_barrier_t g_round;
std::barrier g_std_round(3);
std::mutex g_grid;
int cells = 0;

[[gnu::noinline]] void update_grid() {
  sample::waits("g_grid");
  std::lock_guard lock(g_grid);
  ++cells;
}

[[gnu::noinline]] void meet() {
  sample::waits("g_round", "arrivals");
  pthread_barrier_wait(&g_round);
  ++cells;
}

[[gnu::noinline]] void meet_std() {
  sample::waits("g_std_round", "arrivals");
  g_std_round.arrive_and_wait();
  ++cells;
}

[[gnu::noinline]] void step_with_lock(void (*meet_others)()) {
  std::lock_guard lock(g_grid);
  sample::holds("g_grid");
  meet_others();
}

[[gnu::noinline]] void step_late() {
  sample::wait_for_waits(1);
  sample::partner("g_round", "is_to_arrive");
  update_grid();
  pthread_barrier_wait(&g_round);
}

[[gnu::noinline]] void step_late_std() {
  sample::wait_for_waits(1);
  sample::partner("g_std_round", "is_to_arrive");
  update_grid();
  g_std_round.arrive_and_wait();
}

int main(int, char** argv) {
  sample::begin();
  const bool is_std = std::string(argv[1]) == "std_barrier";
  pthread_barrier_init(&g_round, nullptr, 3);
  if (is_std) {
    sample::needs("symbols", "waits missing cycle finding");
    sample::lock("g_std_round", &g_std_round, "barrier");
  } else {
    sample::lock("g_round", &g_round, "barrier");
  }
  sample::lock("g_grid", &g_grid);
  sample::start("left", [=] { step_with_lock(is_std ? meet_std : meet); });
  sample::wait_for_waits(1);
  sample::start("middle", is_std ? meet_std : meet);
  sample::start("right", is_std ? step_late_std : step_late);
  sample::needs("library_symbols", "partner cycle finding");
  sample::cycle("left right"), sample::finding("deadlock", "inferred");
  sample::missing(is_std ? "g_std_round" : "g_round", 1);
  sample::ready(3);
}
