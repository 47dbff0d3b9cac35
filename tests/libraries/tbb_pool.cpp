#include <tbb/parallel_for.h>

#include <atomic>

#include "hang.h"

std::atomic<long> sum = 0;

int main() {
  tbb::parallel_for(0, 1000000, [](int i) { sum += i; });
  say_ready(&sum);
  pause();
}
