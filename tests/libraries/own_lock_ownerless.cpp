// A lock that records nobody. Two threads take two of them in opposite order; before that each has
// had the one that it will wait for and has given it back.

#include <barrier>
#include <thread>

#include "bare_lock.h"
#include "hang.h"

FutexWord first;
FutexWord second;
std::barrier both(2);

void take(FutexWord* a, FutexWord* b) {
  bare_lock(0, a);
  both.arrive_and_wait();
  bare_lock(0, b);
  bare_unlock(b);
  bare_unlock(a);
}

void try_and_take(FutexWord* a, FutexWord* b) {
  bare_lock(0, b);
  bare_unlock(b);
  both.arrive_and_wait();
  if (!bare_try_lock(a)) return;
  both.arrive_and_wait();
  bare_lock(0, b);
  bare_unlock(b);
  bare_unlock(a);
}

int main() {
  std::thread other([] { try_and_take(&second, &first); });
  say_ready(&first);
  both.arrive_and_wait();
  take(&first, &second);
  other.join();
}
