// A pool stops its worker while it holds the pool's lock, and waits for the worker's end; the
// worker wants that lock once more before it ends. Without any mutex, a ring of threads that each
// join the next one hangs as well (glibc refuses to join in a ring of two only).
//
//     stopper ──joins──▶ worker                        red ──joins──▶ green ──joins──▶ blue
//        ▲                 │                            ▲                                │
//        └── g_pool.mu_ ◀──┘ wants                      └────────────── joins ───────────┘
//
// Run with: mutex | ring
// Build with: aarch64
// pstuck: 2 threads wait for each other
// pstuck: 3 threads wait in a circle

#include <array>
#include <latch>
#include <mutex>
#include <string>
#include <thread>

#include "sample.h"

class Pool {
 public:
  void stop(std::thread& worker);
  void finish_job();
  void tell_lock() { sample::lock("g_pool.mu_", &mu_); }

 private:
  int jobs_ = 1;
  std::mutex mu_;
};

Pool g_pool;
std::latch pool_is_held(1);
std::latch ring_is_closed(4);
std::array<std::thread, 3> g_ring;

[[gnu::noinline]] void Pool::stop(std::thread& worker) {
  std::lock_guard lock(mu_);
  sample::holds("g_pool.mu_");
  pool_is_held.count_down();
  sample::waits("worker", "join");
  worker.join();
  jobs_ = 0;
}

[[gnu::noinline]] void Pool::finish_job() {
  sample::waits("g_pool.mu_");
  std::lock_guard lock(mu_);
  --jobs_;
}

[[gnu::noinline]] void join_next(std::thread& next, const char* name) {
  ring_is_closed.arrive_and_wait();
  sample::waits(name, "join");
  next.join();
  sample::tell("joined");
}

int main(int argc, char** argv) {
  sample::begin();
  sample::finding("deadlock");
  if (argc > 1 && std::string(argv[1]) == "ring") {
    g_ring[0] = std::thread([] { sample::role("red"), join_next(g_ring[1], "green"); });
    g_ring[1] = std::thread([] { sample::role("green"), join_next(g_ring[2], "blue"); });
    g_ring[2] = std::thread([] { sample::role("blue"), join_next(g_ring[0], "red"); });
    ring_is_closed.arrive_and_wait();
    sample::cycle("red green blue");
    sample::ready(3);
  }
  g_pool.tell_lock();
  std::thread worker([] {
    sample::role("worker");
    pool_is_held.wait();
    g_pool.finish_job();
  });
  sample::start("stopper", [&worker] { g_pool.stop(worker); });
  sample::cycle("stopper worker");
  sample::ready(2);
}
