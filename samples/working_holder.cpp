// Healthy, only slow. One thread rebuilds an index under the lock and works hard at it; eight
// others wait all the while. That is a pile-up worth showing, and it is no deadlock: the holder
// runs.
//
//     8 × search ──wants──▶ g_index.mu_ ──held by──▶ rebuilder ──▶ computes
//
// pstuck: No hang found

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "sample.h"

class Index {
 public:
  void rebuild();
  std::uint64_t search(std::uint64_t key);
  void tell_lock() { sample::lock("g_index.mu_", &mu_); }

 private:
  std::vector<std::uint64_t> entries_ = std::vector<std::uint64_t>(4096);
  std::mutex mu_;
};

Index g_index;

[[gnu::noinline]] void Index::rebuild() {
  std::lock_guard lock(mu_);
  sample::holds("g_index.mu_");
  for (std::atomic<std::uint64_t> round = 1; round != 0; ++round) {
    for (std::uint64_t& entry : entries_) entry = entry * 6364136223846793005U + round;
  }
}

[[gnu::noinline]] std::uint64_t Index::search(std::uint64_t key) {
  sample::waits("g_index.mu_");
  std::lock_guard lock(mu_);
  return entries_[key % entries_.size()];
}

[[gnu::noinline]] void answer_query(std::uint64_t key) {
  sample::tell("found " + std::to_string(g_index.search(key)));
}

int main() {
  sample::begin();
  g_index.tell_lock();
  sample::start("rebuilder", [] { g_index.rebuild(); });
  sample::wait_for_holds(1);
  for (unsigned i = 0; i < 8; ++i) {
    sample::start("search-" + std::to_string(i), [i] { answer_query(i); });
  }
  sample::pile_up("g_index.mu_", 8, "rebuilder");
  sample::root("rebuilder");
  sample::healthy();
  sample::ready(8);
}
