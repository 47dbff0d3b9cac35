#include <asio.hpp>

#include "hang.h"

int main() {
  asio::thread_pool pool(3);
  std::atomic<int> done = 0;
  for (int i = 0; i < 100; ++i) asio::post(pool, [&] { ++done; });
  while (done < 100) sched_yield();
  say_ready(&pool);
  pause();
}
