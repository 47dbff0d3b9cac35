// Two polite threads: each takes its own account's lock, tries the other's, and gives its own back
// when that is taken. They pass each other for ever, and no transfer is ever done. That is a
// livelock and no deadlock: both run, and nobody waits for anything.
//
//     payer-0 ──holds──▶ g_left  ──tries──▶ g_right
//     payer-1 ──holds──▶ g_right ──tries──▶ g_left
//
// pstuck: keep_in_step ← transfer

#include <atomic>
#include <mutex>

#include "sample.h"

std::mutex g_left;
std::mutex g_right;
std::atomic<long> g_step = 0;  // keeps the two in step, so that neither ever gets both locks

/// Until both have come so far.
[[gnu::noinline]] void keep_in_step(long& steps) {
  g_step.fetch_add(1);
  for (steps += 2; g_step.load() < steps;) {
  }
}

[[gnu::noinline]] void transfer(std::mutex& own, std::mutex& other) {
  for (long steps = 0;;) {
    own.lock();
    keep_in_step(steps);
    if (other.try_lock()) return;
    keep_in_step(steps);
    own.unlock();
    keep_in_step(steps);
  }
}

int main() {
  sample::begin();
  sample::start("payer-0", [] { transfer(g_left, g_right); });
  sample::start("payer-1", [] { transfer(g_right, g_left); });
  sample::healthy();
  sample::ready(0);
}
