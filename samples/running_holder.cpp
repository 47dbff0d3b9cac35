// The holder of a lock runs: it works in user code, or makes one system call after the other. One
// look cannot tell that it is always the same work; a few looks do.
//
//     4 × lookup ──want──▶ g_table.mu_ ──held by──▶ rebuilder ──▶ computes, or asks the kernel
//
// Run with: computes calls
// pstuck: in 2 of 2 samples in Table::compute (user code)
// pstuck: in 2 of 2 samples in Table::ask_kernel (

#include <fcntl.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "sample.h"

class Table {
 public:
  void rebuild(bool by_calls);
  std::uint64_t look_up(std::uint64_t key);
  void tell_lock() { sample::lock("g_table.mu_", &mu_); }

 private:
  void compute();
  void ask_kernel();

  std::array<std::uint64_t, 4096> entries_{};
  std::mutex mu_;
};

Table g_table;

[[gnu::noinline]] void Table::compute() {
  for (std::atomic<std::uint64_t> round = 1; round != 0; ++round) {
    for (std::uint64_t& entry : entries_) entry = entry * 6364136223846793005U + round;
  }
}

/// Each call zeroes a megabyte, so that nearly all of the time is the kernel's.
[[gnu::noinline]] void Table::ask_kernel() {
  static std::array<char, 1 << 20> buffer;
  const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  while (read(zeros, buffer.data(), buffer.size()) > 0) {
  }
}

[[gnu::noinline]] void Table::rebuild(bool by_calls) {
  const std::lock_guard lock(mu_);
  sample::holds("g_table.mu_");
  by_calls ? ask_kernel() : compute();
  entries_[0] = 1;
}

[[gnu::noinline]] std::uint64_t Table::look_up(std::uint64_t key) {
  sample::waits("g_table.mu_");
  const std::lock_guard lock(mu_);
  return entries_[key % entries_.size()];
}

[[gnu::noinline]] void answer(std::uint64_t key) {
  sample::tell("found " + std::to_string(g_table.look_up(key)));
}

int main(int, char** argv) {
  const bool by_calls = std::string(argv[1]) == "calls";
  sample::begin();
  g_table.tell_lock();
  sample::start("rebuilder", [=] { g_table.rebuild(by_calls); });
  sample::wait_for_holds(1);
  for (unsigned i = 0; i < 4; ++i) {
    sample::start("lookup-" + std::to_string(i), [i] { answer(i); });
  }
  sample::pile_up("g_table.mu_", 4, "rebuilder");
  sample::root("rebuilder");
  sample::healthy();
  sample::ready(4);
}
