// Two unrelated troubles in one process, and the one that more threads are behind is a step away
// from most of them: whoever has the longest queue is not the one to look at.
//
//     9 × report ──▶ g_queue ──held by──▶ flusher ──▶ g_pool ──held by──▶ fetcher ──▶ a silent pipe
//                              4 × request ──▶ g_pool
//     6 × log ──▶ g_log ──held by──▶ rotator ──▶ sleeps
//
// pstuck: ROOTS     moving fetcher (

#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include "sample.h"

struct Part {
  const char* name;
  long uses = 0;
  std::mutex mutex;
};

Part g_queue{"g_queue", 0, {}};
Part g_pool{"g_pool", 0, {}};
Part g_log{"g_log", 0, {}};
int backend[2];

[[gnu::noinline]] void use(Part& part) {
  sample::waits(part.name);
  std::lock_guard lock(part.mutex);
  ++part.uses;
}

[[gnu::noinline]] void fetch() {
  std::lock_guard lock(g_pool.mutex);
  sample::holds("g_pool");
  char reply = 0;
  if (read(backend[0], &reply, 1) == 1) ++g_pool.uses;
}

[[gnu::noinline]] void rotate() {
  std::lock_guard lock(g_log.mutex);
  sample::holds("g_log");
  std::this_thread::sleep_for(std::chrono::hours(1));
  ++g_log.uses;
}

[[gnu::noinline]] void flush() {
  std::lock_guard lock(g_queue.mutex);
  sample::holds("g_queue");
  use(g_pool);
  ++g_queue.uses;
}

void start_users(const std::string& role, Part& part, int threads) {
  for (int i = 1; i <= threads; ++i) {
    sample::start(role + "-" + std::to_string(i), [&part] { use(part); });
  }
}

int main() {
  sample::begin();
  if (pipe(backend) != 0) std::_Exit(1);
  for (const Part* part : {&g_queue, &g_pool, &g_log}) sample::lock(part->name, &part->mutex);
  const pid_t fetcher = sample::start("fetcher", fetch);
  const pid_t rotator = sample::start("rotator", rotate);
  sample::wait_for_holds(2);
  sample::wait_until_asleep(fetcher, SYS_read);
  sample::wait_until_asleep(rotator, SYS_clock_nanosleep);
  sample::start("flusher", flush);
  sample::wait_for_holds(3);
  start_users("report", g_queue, 9);
  start_users("request", g_pool, 4);
  start_users("log", g_log, 6);
  sample::pile_up("g_queue", 9, "flusher");
  sample::pile_up("g_pool", 5, "fetcher");
  sample::pile_up("g_log", 6, "rotator");
  sample::frees("fetcher", 14);
  sample::frees("rotator", 6);
  sample::ready(20);
}
