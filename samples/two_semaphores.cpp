// Two plotters share one pen and one ruler; semaphores of one unit guard both, as locks without an
// owner. One takes the pen first, the other the ruler.
//
//     left ──wants──▶ g_ruler ──taken by──▶ right          a semaphore does not record who took it:
//       ▲                                     │            the frames of the two tell
//       └──taken by── g_pen ◀──────wants──────┘
//
// Run with: semaphore | binary_semaphore
// pstuck: 2 threads likely wait for each other

#include <semaphore.h>

#include <latch>
#include <semaphore>
#include <string>

#include "sample.h"

sem_t g_pen, g_ruler;
std::binary_semaphore g_counted_pen(1), g_counted_ruler(1);
std::latch both_have_one(2);
int lines = 0;

[[gnu::noinline]] void take(sem_t& tool, const char* name) {
  sample::waits(name, "unit");
  sem_wait(&tool);
  ++lines;
}

[[gnu::noinline]] void plot(sem_t& first, const char* first_name, sem_t& second,
                            const char* second_name) {
  sem_wait(&first);
  sample::partner(first_name, "took_unit");
  both_have_one.arrive_and_wait();
  take(second, second_name);
  sem_post(&second);
  sem_post(&first);
}

[[gnu::noinline]] void take(std::binary_semaphore& tool, const char* name) {
  sample::waits(name, "unit");
  tool.acquire();
  ++lines;
}

[[gnu::noinline]] void plot(std::binary_semaphore& first, const char* first_name,
                            std::binary_semaphore& second, const char* second_name) {
  first.acquire();
  sample::partner(first_name, "took_unit");
  both_have_one.arrive_and_wait();
  take(second, second_name);
  second.release();
  first.release();
}

template <typename Semaphore>
void start_plotters(Semaphore& pen, const char* pen_name, Semaphore& ruler,
                    const char* ruler_name) {
  sample::lock(pen_name, &pen, "semaphore");
  sample::lock(ruler_name, &ruler, "semaphore");
  sample::start("left", [=, &pen, &ruler] { plot(pen, pen_name, ruler, ruler_name); });
  sample::start("right", [=, &pen, &ruler] { plot(ruler, ruler_name, pen, pen_name); });
}

int main(int, char** argv) {
  sample::begin();
  sem_init(&g_pen, 0, 1), sem_init(&g_ruler, 0, 1);
  if (std::string(argv[1]) == "semaphore") {
    start_plotters(g_pen, "g_pen", g_ruler, "g_ruler");
  } else {
    sample::needs("symbols", "waits kind partner cycle finding");
    start_plotters(g_counted_pen, "g_counted_pen", g_counted_ruler, "g_counted_ruler");
  }
  sample::needs("library_symbols", "partner cycle finding");
  sample::cycle("left right"), sample::finding("deadlock", "inferred");
  sample::ready(2);
}
