// A lock that the first thread took and that a function which it called has given back. Whom it
// went to no code shows, and the third thread waits for it.

#include <barrier>
#include <thread>

#include "bare_lock.h"
#include "hang.h"

FutexWord lock;
std::barrier given_back(2);
std::barrier taken(2);
void (*volatile take_unseen)(int, FutexWord*) = bare_lock;
volatile int steps = 0;

[[gnu::noinline]] void give_back_and_sleep(FutexWord* word) {
  bare_unlock(word);
  given_back.arrive_and_wait();
  pause();
  ++steps;
}

[[gnu::noinline]] void take_and_hand_over(FutexWord* word) {
  bare_lock(0, word);
  give_back_and_sleep(word);
  ++steps;
}

[[gnu::noinline]] void take_and_sleep(FutexWord* word) {
  given_back.arrive_and_wait();
  take_unseen(0, word);
  taken.arrive_and_wait();
  pause();
  ++steps;
}

int main() {
  std::thread first([] { take_and_hand_over(&lock); });
  std::thread second([] { take_and_sleep(&lock); });
  say_ready(&lock);
  taken.arrive_and_wait();
  bare_lock(0, &lock);
  ++steps;
  first.join();
  second.join();
}
