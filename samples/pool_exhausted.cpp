// A pool of four buffers. Four encoders have one each and want a second: there is none, and nobody
// gives one back before he has two.
//
//     4 × encoder ──wants a unit──▶ g_buffers, 0 of 4 left ──taken by──▶ the same 4 encoders
//
// pstuck: 4 threads likely wait for each other

#include <semaphore.h>

#include <latch>
#include <string>

#include "sample.h"

sem_t g_buffers;
std::latch all_have_one(4);
int buffers_in_use = 0;

[[gnu::noinline]] void take_second() {
  sample::waits("g_buffers", "unit");
  sem_wait(&g_buffers);
  ++buffers_in_use;
}

[[gnu::noinline]] void encode() {
  sem_wait(&g_buffers);
  sample::partner("g_buffers", "took_unit");
  all_have_one.arrive_and_wait();
  take_second();
  sem_post(&g_buffers);
  sem_post(&g_buffers);
}

int main() {
  sample::begin();
  sem_init(&g_buffers, 0, 4);
  sample::lock("g_buffers", &g_buffers, "semaphore");
  for (int i = 1; i <= 4; ++i) sample::start("encoder-" + std::to_string(i), encode);
  sample::needs("library_symbols", "partner cycle finding");
  sample::knot("encoder-1 encoder-2 encoder-3 encoder-4");
  sample::finding("deadlock", "inferred");
  sample::ready(4);
}
