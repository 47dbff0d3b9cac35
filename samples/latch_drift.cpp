// Case study: the count of a group has drifted. A start line waits for three runners; one of them
// has found its shoes missing and gone home without saying so, and will never count down.
//
//     main ──joins──▶ starter ──waits for 1 arrival──▶ g_start_line ◀── 2 × runner
//
// Run with: barrier | latch
// pstuck: wait for one of them to act, and none will

#include <barrier>
#include <latch>
#include <string>
#include <thread>

#include "sample.h"

std::latch g_start_line(3);
pthread_barrier_t g_finish_line;
int laps = 0;

[[gnu::noinline]] void run_from_start() {
  sample::waits("g_start_line", "arrivals");
  g_start_line.arrive_and_wait();
  ++laps;
}

[[gnu::noinline]] void run_to_finish() {
  sample::waits("g_finish_line", "arrivals");
  pthread_barrier_wait(&g_finish_line);
  ++laps;
}

[[gnu::noinline]] void go_home() { ++laps; }

int main(int, char** argv) {
  sample::begin();
  sample::role("main");
  const bool is_latch = std::string(argv[1]) == "latch";
  const auto run = is_latch ? run_from_start : run_to_finish;
  pthread_barrier_init(&g_finish_line, nullptr, 3);
  if (is_latch) {
    sample::needs("symbols", "waits kind missing finding");
    sample::lock("g_start_line", &g_start_line, "latch");
  } else {
    sample::lock("g_finish_line", &g_finish_line, "barrier");
  }
  sample::missing(is_latch ? "g_start_line" : "g_finish_line", 1);
  std::thread first([run] { sample::role("first"), run(); });
  std::thread second([run] { sample::role("second"), run(); });
  std::thread(go_home).join();
  sample::finding("all_asleep");
  sample::ready_after(3);
  sample::waits("first", "join");
  first.join();
  second.join();
}
