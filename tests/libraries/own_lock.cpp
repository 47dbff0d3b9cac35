// A lock of a program's own: two threads take two of them in opposite order.

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "hang.h"

class OwnLock {
 public:
  void lock() {
    std::uint32_t expected = 0;
    if (!state_.compare_exchange_strong(expected, 1)) lock_slow();
    owner_ = static_cast<int>(syscall(SYS_gettid));
  }

 private:
  [[gnu::noinline]] void lock_slow() {
    while (state_.exchange(2) != 0) syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, 2, nullptr);
  }

  long taken_ = 0;
  std::atomic<std::uint32_t> state_{0};
  std::atomic<int> owner_{0};
};

OwnLock first;
OwnLock second;
std::barrier both(2);

void take(OwnLock& a, OwnLock& b) {
  a.lock();
  both.arrive_and_wait();
  b.lock();
}

int main() {
  std::thread other([] { take(second, first); });
  say_ready(&first);
  take(first, second);
  other.join();
}
