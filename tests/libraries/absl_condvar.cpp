#include <absl/synchronization/mutex.h>

#include "hang.h"

int main() {
  absl::Mutex mutex;
  absl::CondVar condition;
  absl::MutexLock lock(&mutex);
  say_ready(&condition);
  for (;;) condition.Wait(&mutex);
}
