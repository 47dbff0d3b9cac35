#include <oneapi/tbb/mutex.h>

#include "hang.h"

tbb::mutex mutex;

int main() {
  mutex.lock();
  say_ready(&mutex);
  mutex.lock();
}
