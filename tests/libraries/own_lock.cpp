// A lock of a program's own that records its owner's tid: two threads take two of them in opposite
// order.

#include <barrier>
#include <thread>

#include "futex_word.h"
#include "hang.h"

class OwnLock {
 public:
  void lock() {
    state_.word.lock();
    state_.owner = own_tid();
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
}

int main() {
  std::thread other([] { take(second, first); });
  say_ready(&first);
  take(first, second);
  other.join();
}
