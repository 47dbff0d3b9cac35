#include <absl/synchronization/mutex.h>

#include <thread>

#include "hang.h"

absl::Mutex mutex;

int main() {
  mutex.Lock();
  say_ready(&mutex);
  std::thread([] {
    mutex.ReaderLock();
    mutex.ReaderUnlock();
  }).join();
}
