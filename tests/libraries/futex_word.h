#pragma once

// The smallest lock that there is: 0 free, 1 held, 2 held and waited for. Who waits is in
// lock_slow().

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

class FutexWord {
 public:
  void lock() {
    std::uint32_t expected = 0;
    if (!word_.compare_exchange_strong(expected, 1)) lock_slow();
  }

  void unlock() {
    if (word_.exchange(0) == 2) syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1);
  }

 private:
  [[gnu::noinline]] void lock_slow() {
    while (word_.exchange(2) != 0) syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, 2, nullptr);
  }

  std::atomic<std::uint32_t> word_{0};
};

inline int own_tid() { return static_cast<int>(syscall(SYS_gettid)); }
