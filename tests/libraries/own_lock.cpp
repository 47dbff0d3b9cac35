// A lock of a program's own that records its owner's tid: two threads take two of them in opposite
// order.

#include <barrier>
#include <thread>

#include "futex_word.h"
#include "hang.h"

class OwnLock {
 public:
  [[gnu::noinline]] void lock() {
    state_.word.lock();
    state_.owner = own_tid();
  }

  [[gnu::noinline]] void unlock() {
    state_.owner = 0;
    state_.word.unlock();
  }

 private:
  struct State {
    FutexWord word;
    std::atomic<int> owner{0};
  };

  long taken_ = 0;
  State state_;
};

OwnLock first;
OwnLock second;
std::barrier both(2);

void take(OwnLock& a, OwnLock& b) {
  a.lock();
  both.arrive_and_wait();
  b.lock();
  b.unlock();
  a.unlock();
}

int main() {
  std::thread other([] { take(second, first); });
  say_ready(&first);
  take(first, second);
  other.join();
}
