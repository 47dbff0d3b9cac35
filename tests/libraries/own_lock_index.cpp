// A lock that records its owner as an index into the program's table of threads: two threads take
// two of them in opposite order.

#include <barrier>
#include <thread>

#include "futex_word.h"
#include "hang.h"

namespace app {

struct Worker {
  long jobs = 0;
  struct {
    int tid = 0;
  } info;
  pthread_t thread = 0;
};

Worker workers[3];
thread_local short own_index = 0;

struct Owned {
  std::atomic<short> owner{-1};
};

class IndexLock : Owned {
 public:
  void lock() {
    word_.lock();
    owner = own_index;
  }

 private:
  FutexWord word_;
};

IndexLock first;
IndexLock second;
std::barrier both(2);

void work(short index, IndexLock& a, IndexLock& b) {
  own_index = index;
  workers[index].info.tid = own_tid();
  workers[index].thread = pthread_self();
  a.lock();
  both.arrive_and_wait();
  b.lock();
}

}  // namespace app

int main() {
  std::thread other([] { app::work(2, app::second, app::first); });
  say_ready(&app::first);
  app::work(1, app::first, app::second);
  other.join();
}
