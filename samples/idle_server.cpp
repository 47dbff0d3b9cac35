// Healthy. A server at night: its event loop sleeps in epoll_wait, its workers sleep on a condition
// variable. Its I/O threads are parked on mutexes that the event loop holds, as redis does it: to
// give them work the loop unlocks them. They wait for a lock whose owner sleeps, and all is well.
//
//     4 × worker ──▶ g_work_came            io-0 ──▶ g_parking[0] ──held by──▶ event-loop
//                                           io-1 ──▶ g_parking[1] ──held by──▶     └─▶ epoll_wait
//
// Build with: aarch64
// pstuck: No hang found

#include <sys/epoll.h>

#include <array>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <string>

#include "sample.h"

std::array<std::mutex, 2> g_parking;
std::mutex g_work;
std::condition_variable g_work_came;
bool there_is_work = false;
std::latch io_is_parked(1);

std::string name_parking(std::size_t i) { return "g_parking." + std::to_string(i); }

[[gnu::noinline]] void run_event_loop() {
  for (std::size_t i = 0; i < g_parking.size(); ++i) {
    g_parking[i].lock();
    sample::holds(name_parking(i));
  }
  io_is_parked.count_down();
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  while (true) epoll_wait(loop, &event, 1, -1);
}

[[gnu::noinline]] void run_io_thread(std::size_t i) {
  io_is_parked.wait();
  sample::waits(name_parking(i));
  std::lock_guard lock(g_parking[i]);
  sample::tell("has work");
}

[[gnu::noinline]] void run_worker() {
  std::unique_lock lock(g_work);
  g_work_came.wait(lock, [] { return there_is_work; });
}

int main() {
  sample::begin();
  sample::start("event-loop", run_event_loop);
  for (std::size_t i = 0; i < g_parking.size(); ++i) {
    sample::lock(name_parking(i), &g_parking[i]);
    sample::start("io-" + std::to_string(i), [i] { run_io_thread(i); });
  }
  for (int i = 0; i < 4; ++i) {
    sample::start("worker-" + std::to_string(i), run_worker);
  }
  sample::healthy();
  sample::ready(2);
}
