// Healthy. Sixteen workers move money between eight accounts as fast as they can, always locking
// the account with the lower number first. At any instant many of them wait for a lock; none of
// them waits for long.
//
//     16 × worker ──wants, for microseconds──▶ one of 8 accounts ──held by──▶ another worker
//
// Build with: aarch64
// pstuck: No hang found

#include <array>
#include <mutex>
#include <random>
#include <string>

#include "sample.h"

struct Account {
  std::mutex mutex;
  long balance = 1000;
};

std::array<Account, 8> g_accounts;

[[gnu::noinline]] void transfer_funds(Account& lower, Account& higher, long amount) {
  std::lock_guard first(lower.mutex);
  std::lock_guard second(higher.mutex);
  for (int step = 0; step < 200; ++step) {
    lower.balance -= amount;
    higher.balance += amount;
  }
}

[[gnu::noinline]] void trade_for_ever(unsigned seed) {
  std::minstd_rand random(seed);
  while (true) {
    const std::size_t lower = random() % (g_accounts.size() - 1);
    const std::size_t higher = lower + 1 + random() % (g_accounts.size() - lower - 1);
    transfer_funds(g_accounts[lower], g_accounts[higher], static_cast<long>(random() % 9) - 4);
  }
}

int main() {
  sample::begin();
  for (unsigned i = 0; i < 16; ++i) {
    sample::start("worker-" + std::to_string(i), [i] { trade_for_ever(i + 1); });
  }
  sample::healthy();
  sample::ready(0);
}
