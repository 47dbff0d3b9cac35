// One of each: a waiter wants something that a holder has, or is to provide, and the holder sleeps.
// No hang, only a wait; the report says in which primitive it is, for which object, and for whom.
//
//     waiter ──wants──▶ one of the resources ──had or provided by──▶ holder ──▶ sleeps
//
// Run with: rwlock_read | rwlock_write | shared_mutex | shared_lock | condition_variable
// Run with: semaphore | named_semaphore | counting_semaphore | pthread_barrier | barrier | latch
// Run with: spinlock | pthread_once | call_once | static_variable | async | promise | atomic
// Run with: atomic_long | stdio
// pstuck: waiter (
// pstuck: Nothing is stuck
// pstuck: No hang found

#include <fcntl.h>
#include <semaphore.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string_view>

#include "sample.h"

std::atomic<int> steps = 0;
std::atomic<bool> sleeps = false;

[[gnu::noinline]] void sleep_long() {
  sleeps = true;
  std::this_thread::sleep_for(std::chrono::hours(1));
  ++steps;
}

pthread_rwlock_t g_rwlock = PTHREAD_RWLOCK_INITIALIZER;

[[gnu::noinline]] void hold_rwlock_read() {
  pthread_rwlock_wrlock(&g_rwlock);
  sample::holds("g_rwlock");
  sleep_long();
  pthread_rwlock_unlock(&g_rwlock);
}

[[gnu::noinline]] void wait_rwlock_read() {
  sample::waits("g_rwlock", "read_lock");
  pthread_rwlock_rdlock(&g_rwlock);
  ++steps;
}

pthread_rwlock_t g_read_lock = PTHREAD_RWLOCK_INITIALIZER;

[[gnu::noinline]] void hold_rwlock_write() {
  pthread_rwlock_rdlock(&g_read_lock);
  sample::partner("g_read_lock", "reads");
  sleep_long();
  pthread_rwlock_unlock(&g_read_lock);
}

[[gnu::noinline]] void wait_rwlock_write() {
  sample::waits("g_read_lock", "write_lock");
  pthread_rwlock_wrlock(&g_read_lock);
  ++steps;
}

std::shared_mutex g_shared;

[[gnu::noinline]] void hold_shared_mutex() {
  std::unique_lock lock(g_shared);
  sample::holds("g_shared");
  sleep_long();
}

[[gnu::noinline]] void wait_shared_mutex() {
  sample::waits("g_shared", "read_lock");
  std::shared_lock lock(g_shared);
  ++steps;
}

std::shared_mutex g_shared_by_reader;

[[gnu::noinline]] void hold_shared_lock() {
  std::shared_lock lock(g_shared_by_reader);
  sample::partner("g_shared_by_reader", "reads");
  sleep_long();
}

[[gnu::noinline]] void wait_shared_lock() {
  sample::waits("g_shared_by_reader", "write_lock");
  std::unique_lock lock(g_shared_by_reader);
  ++steps;
}

std::mutex g_mutex;
std::condition_variable g_condition;

[[gnu::noinline]] void hold_condition_variable() {
  sample::partner("g_condition", "may_notify");
  sleep_long();
  g_condition.notify_one();
}

[[gnu::noinline]] void wait_condition_variable() {
  std::unique_lock lock(g_mutex);
  sample::waits("g_condition", "notification");
  g_condition.wait(lock);
  ++steps;
}

sem_t g_semaphore;

[[gnu::noinline]] void hold_semaphore() {
  sem_wait(&g_semaphore);
  sample::partner("g_semaphore", "took_unit");
  sleep_long();
  sem_post(&g_semaphore);
}

[[gnu::noinline]] void wait_semaphore() {
  sample::waits("g_semaphore", "unit");
  sem_wait(&g_semaphore);
  ++steps;
}

sem_t* const named = sem_open("/pstuck-every-wait", O_CREAT, 0600, 1);

[[gnu::noinline]] void hold_named_semaphore() {
  sem_wait(named);
  sample::partner("named", "took_unit");
  sleep_long();
  sem_post(named);
}

[[gnu::noinline]] void wait_named_semaphore() {
  sample::waits("named", "unit");
  sem_wait(named);
  ++steps;
}

std::counting_semaphore<8> g_counting(1);

[[gnu::noinline]] void hold_counting_semaphore() {
  g_counting.acquire();
  sample::partner("g_counting", "took_unit");
  sleep_long();
  g_counting.release();
}

[[gnu::noinline]] void wait_counting_semaphore() {
  sample::needs("symbols", "waits kind partner");
  sample::waits("g_counting", "unit");
  g_counting.acquire();
  ++steps;
}

pthread_barrier_t g_pthread_barrier;

[[gnu::noinline]] void hold_pthread_barrier() {
  sample::partner("g_pthread_barrier", "is_to_arrive");
  sleep_long();
  pthread_barrier_wait(&g_pthread_barrier);
}

[[gnu::noinline]] void wait_pthread_barrier() {
  sample::waits("g_pthread_barrier", "arrivals");
  pthread_barrier_wait(&g_pthread_barrier);
  ++steps;
}

std::barrier g_barrier(2);

[[gnu::noinline]] void hold_barrier() {
  sample::partner("g_barrier", "is_to_arrive");
  sleep_long();
  g_barrier.arrive_and_wait();
}

[[gnu::noinline]] void wait_barrier() {
  sample::needs("symbols", "waits");
  sample::waits("g_barrier", "arrivals");
  g_barrier.arrive_and_wait();
  ++steps;
}

std::latch g_latch(1);

[[gnu::noinline]] void hold_latch() {
  sample::partner("g_latch", "is_to_arrive");
  sleep_long();
  g_latch.count_down();
}

[[gnu::noinline]] void wait_latch() {
  sample::needs("symbols", "waits kind");
  sample::waits("g_latch", "arrivals");
  g_latch.wait();
  ++steps;
}

pthread_spinlock_t g_spinlock;

[[gnu::noinline]] void hold_spinlock() {
  pthread_spin_lock(&g_spinlock);
  sample::partner("g_spinlock", "holds");
  sleep_long();
  pthread_spin_unlock(&g_spinlock);
}

[[gnu::noinline]] void wait_spinlock() {
  sample::waits("g_spinlock", "lock");
  pthread_spin_lock(&g_spinlock);
  ++steps;
}

pthread_once_t g_once = PTHREAD_ONCE_INIT;

[[gnu::noinline]] void hold_pthread_once() {
  sample::partner("g_once", "initialises");
  pthread_once(&g_once, sleep_long);
  ++steps;
}

[[gnu::noinline]] void wait_pthread_once() {
  sample::waits("g_once", "initialisation");
  pthread_once(&g_once, sleep_long);
  ++steps;
}

std::once_flag g_flag;

[[gnu::noinline]] void hold_call_once() {
  sample::partner("g_flag", "initialises");
  std::call_once(g_flag, sleep_long);
  ++steps;
}

[[gnu::noinline]] void wait_call_once() {
  sample::waits("g_flag", "initialisation");
  std::call_once(g_flag, sleep_long);
  ++steps;
}

[[gnu::noinline]] int make_slowly() {
  sleep_long();
  return steps;
}

[[gnu::noinline]] int made_slowly(const char* waiter) {
  if (waiter != nullptr) sample::waits(waiter, "initialisation");
  static const int made = make_slowly();
  return made;
}

void hold_static_variable() {
  sample::partner("guard", "initialises", __LINE__, "made_slowly");
  made_slowly(nullptr);
}

void wait_static_variable() { made_slowly("guard"); }

std::future<int> g_future;

[[gnu::noinline]] int make_result() {
  sample::role("maker");
  sleep_long();
  return steps;
}

void hold_async() {
  g_future = std::async(std::launch::async, make_result);
  ++sample::holds_told();
}

/// Who wants the result of an asynchronous call joins its thread.
[[gnu::noinline]] void wait_async() {
  sample::wait_for_holds(1);
  sample::waits("maker", "join");
  steps = g_future.get();
}

std::promise<int> g_promise;

[[gnu::noinline]] void hold_promise() {
  sample::partner("result", "makes_result");
  sleep_long();
  g_promise.set_value(1);
}

[[gnu::noinline]] void wait_promise() {
  g_future = g_promise.get_future();
  sample::lock("result", sample::shared_state(g_future), "future");
  sample::waits("result", "result");
  steps = g_future.get();
}

std::atomic<int> g_atomic = 0;

[[gnu::noinline]] void hold_atomic() {
  sample::partner("g_atomic", "may_notify");
  sleep_long();
  g_atomic = 1;
  g_atomic.notify_all();
}

[[gnu::noinline]] void wait_atomic() {
  sample::needs("library_symbols", "waits");
  sample::waits("g_atomic", "change");
  g_atomic.wait(0);
  ++steps;
}

std::atomic<long> g_long = 0;

[[gnu::noinline]] void hold_atomic_long() {
  sleep_long();
  g_long = 1;
  g_long.notify_all();
}

/// Its word is one of a pool that all atomics share which are no int: nothing tells whose it is.
[[gnu::noinline]] void wait_atomic_long() {
  sample::needs("key_of_pool", "waits");
  sample::waits("g_long", "change");
  g_long.wait(0);
  ++steps;
}

std::FILE* const file = std::tmpfile();

[[gnu::noinline]] void hold_stdio() {
  flockfile(file);
  sample::holds("file");
  sleep_long();
  funlockfile(file);
}

[[gnu::noinline]] void wait_stdio() {
  sample::waits("file", "lock");
  std::fputs("line\n", file);
  ++steps;
}

struct Story {
  std::string_view argument;
  const char* resource;
  const void* address;
  const char* kind;
  void (*hold)();
  void (*wait)();
};

const Story kStories[] = {
    {"rwlock_read", "g_rwlock", &g_rwlock, "rwlock", hold_rwlock_read, wait_rwlock_read},
    {"rwlock_write", "g_read_lock", &g_read_lock, "rwlock", hold_rwlock_write, wait_rwlock_write},
    {"shared_mutex", "g_shared", &g_shared, "rwlock", hold_shared_mutex, wait_shared_mutex},
    {"shared_lock", "g_shared_by_reader", &g_shared_by_reader, "rwlock", hold_shared_lock,
     wait_shared_lock},
    {"condition_variable", "g_condition", &g_condition, "condition", hold_condition_variable,
     wait_condition_variable},
    {"semaphore", "g_semaphore", &g_semaphore, "semaphore", hold_semaphore, wait_semaphore},
    {"named_semaphore", "named", named, "semaphore", hold_named_semaphore, wait_named_semaphore},
    {"counting_semaphore", "g_counting", &g_counting, "semaphore", hold_counting_semaphore,
     wait_counting_semaphore},
    {"pthread_barrier", "g_pthread_barrier", &g_pthread_barrier, "barrier", hold_pthread_barrier,
     wait_pthread_barrier},
    {"barrier", "g_barrier", &g_barrier, "barrier", hold_barrier, wait_barrier},
    {"latch", "g_latch", &g_latch, "latch", hold_latch, wait_latch},
    {"spinlock", "g_spinlock", const_cast<const int*>(&g_spinlock), "spinlock", hold_spinlock,
     wait_spinlock},
    {"pthread_once", "g_once", &g_once, "once", hold_pthread_once, wait_pthread_once},
    {"call_once", "g_flag", &g_flag, "once", hold_call_once, wait_call_once},
    {"static_variable", "guard", nullptr, "static_guard", hold_static_variable,
     wait_static_variable},
    {"async", nullptr, nullptr, nullptr, hold_async, wait_async},
    {"promise", nullptr, nullptr, nullptr, hold_promise, wait_promise},
    {"atomic", "g_atomic", &g_atomic, "atomic", hold_atomic, wait_atomic},
    {"atomic_long", "g_long", &g_long, "atomic", hold_atomic_long, wait_atomic_long},
    {"stdio", "file", file->_lock, "stdio", hold_stdio, wait_stdio},
};

int main(int, char** argv) {
  sample::begin();
  sem_init(&g_semaphore, 0, 1);
  sem_unlink("/pstuck-every-wait");
  pthread_barrier_init(&g_pthread_barrier, nullptr, 2);
  pthread_spin_init(&g_spinlock, PTHREAD_PROCESS_PRIVATE);
  const Story& story = *std::ranges::find(kStories, std::string_view(argv[1]), &Story::argument);
  if (story.resource != nullptr) sample::lock(story.resource, story.address, story.kind);
  sample::start("holder", story.hold);
  while (!sleeps) sched_yield();
  sample::start("waiter", story.wait);
  sample::needs("library_symbols", "partner");
  sample::root("holder");
  sample::ready(1);
}
