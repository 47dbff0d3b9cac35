// A function has a lock for what its helpers report to it: a local variable, which they get by
// reference. It keeps the lock while it waits for them to end.
//
//     collector ──joins──▶ helper
//         ▲                  │
//         └─── results_lock ◀┘ wants
//
// pstuck: 2 threads wait for each other

#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sample.h"

std::latch collector_holds(1);

[[gnu::noinline]] void report(std::mutex& lock, std::vector<std::string>& results) {
  sample::waits("results");
  std::lock_guard guard(lock);
  results.emplace_back("done");
}

[[gnu::noinline]] std::size_t collect_results() {
  std::mutex results_lock;
  std::vector<std::string> results;
  sample::lock("results", &results_lock);
  std::thread helper([&] {
    sample::role("helper");
    collector_holds.wait();
    report(results_lock, results);
  });
  std::lock_guard guard(results_lock);
  sample::holds("results");
  collector_holds.count_down();
  sample::waits("helper", "join");
  helper.join();
  return results.size();
}

int main() {
  sample::begin();
  sample::lock_name("results", "results_lock in collect_results()");
  sample::start("collector", [] { collect_results(); });
  sample::cycle("collector helper"), sample::finding("deadlock");
  sample::ready(2);
}
