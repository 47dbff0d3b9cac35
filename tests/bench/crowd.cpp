// A target for measurements: as many threads as its argument says wait for one mutex, some calls
// deep, while one thread runs and keeps the longest time that it did not get to run. Asked with a
// line on standard input, it answers that time in microseconds, and begins anew.

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

std::mutex g_queue;
std::atomic<long> waiting = 0;
std::atomic<long> longest_stall_us = 0;

[[gnu::noinline]] int take_job(int depth) {
  if (depth > 0) return take_job(depth - 1) + 1;
  ++waiting;
  std::lock_guard lock(g_queue);
  return 1;
}

[[gnu::noinline]] void run_worker() { std::exit(take_job(8)); }

[[gnu::noinline]] void watch_the_clock() {
  for (auto last = Clock::now();;) {
    const auto now = Clock::now();
    const long stall = (now - last) / std::chrono::microseconds(1);
    if (stall > longest_stall_us) longest_stall_us = stall;
    last = now;
  }
}

}  // namespace

int main(int argc, char** argv) {
  alarm(3600);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  const long threads = argc > 1 ? std::atol(argv[1]) : 100;
  g_queue.lock();
  for (long i = 0; i < threads; ++i) std::thread(run_worker).detach();
  while (waiting < threads) sched_yield();
  std::thread(watch_the_clock).detach();
  std::cout << getpid() << std::endl;
  for (std::string question; std::getline(std::cin, question);) {
    std::cout << longest_stall_us.exchange(0) << std::endl;
  }
  std::_Exit(0);
}
