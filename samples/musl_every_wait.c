// One of each that musl has: a waiter wants something that a holder has, or is to provide, and the
// holder sleeps. No hang, only a wait; the report says in which primitive it is, and for which object.
//
//     waiter ──wants──▶ one of the resources ──had or provided by──▶ holder ──▶ sleeps
//
// Run with: mutex | recursive_mutex | inheriting_mutex | rwlock_read | rwlock_write | condition
// Run with: condition_on_stack | semaphore | barrier | once | join | stdio
// pstuck: waiter (
// pstuck: Nothing is stuck
// pstuck: No hang found

#include "sample_musl.h"

#include <semaphore.h>
#include <string.h>

static volatile int steps;
static atomic_int sleeps;

__attribute__((noinline)) static void sleep_long(void) {
  atomic_store(&sleeps, 1);
  sleep(3600);
  ++steps;
}

static pthread_mutex_t g_mutex;

__attribute__((noinline)) static void hold_mutex(void) {
  pthread_mutex_lock(&g_mutex);
  partner("g_mutex", "holds");
  sleep_long();
  pthread_mutex_unlock(&g_mutex);
}

__attribute__((noinline)) static void wait_mutex(void) {
  waits("g_mutex", "lock");
  pthread_mutex_lock(&g_mutex);
  ++steps;
}

static pthread_mutex_t g_recording;

__attribute__((noinline)) static void hold_recording(void) {
  pthread_mutex_lock(&g_recording);
  holds("g_recording");
  sleep_long();
  pthread_mutex_unlock(&g_recording);
}

__attribute__((noinline)) static void wait_recording(void) {
  waits("g_recording", "lock");
  pthread_mutex_lock(&g_recording);
  ++steps;
}

static pthread_rwlock_t g_rwlock;

__attribute__((noinline)) static void hold_rwlock_read(void) {
  pthread_rwlock_wrlock(&g_rwlock);
  partner("g_rwlock", "holds");
  sleep_long();
  pthread_rwlock_unlock(&g_rwlock);
}

__attribute__((noinline)) static void wait_rwlock_read(void) {
  tell("needs library_symbols way\n");
  waits("g_rwlock", "read_lock");
  pthread_rwlock_rdlock(&g_rwlock);
  ++steps;
}

static pthread_rwlock_t g_read_lock;

__attribute__((noinline)) static void hold_rwlock_write(void) {
  pthread_rwlock_rdlock(&g_read_lock);
  partner("g_read_lock", "reads");
  sleep_long();
  pthread_rwlock_unlock(&g_read_lock);
}

__attribute__((noinline)) static void wait_rwlock_write(void) {
  tell("needs library_symbols waits\n");
  waits("g_read_lock", "write_lock");
  pthread_rwlock_wrlock(&g_read_lock);
  ++steps;
}

static pthread_cond_t g_condition;

__attribute__((noinline)) static void hold_condition(void) {
  sleep_long();
  pthread_cond_signal(&g_condition);
}

__attribute__((noinline)) static void wait_condition(void) {
  tell("used_with g_condition %p\n", (void*)&g_mutex);
  pthread_mutex_lock(&g_mutex);
  waits("g_condition", "notification");
  pthread_cond_wait(&g_condition, &g_mutex);
  ++steps;
}

/// What a queue has at places that are known only when it runs.
struct queue {
  long items;
  pthread_mutex_t mutex;
  pthread_cond_t filled;
};

__attribute__((noinline)) static void wait_for_item(struct queue* queue) {
  pthread_mutex_lock(&queue->mutex);
  waits("filled", "notification");
  pthread_cond_wait(&queue->filled, &queue->mutex);
  ++steps;
}

static void wait_on_stack(void) {
  struct queue queue = {0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
  tell("lock filled %p condition\nused_with filled %p\n", (void*)&queue.filled,
       (void*)&queue.mutex);
  wait_for_item(&queue);
}

static sem_t g_semaphore;

__attribute__((noinline)) static void hold_semaphore(void) {
  sem_wait(&g_semaphore);
  partner("g_semaphore", "took_unit");
  sleep_long();
  sem_post(&g_semaphore);
}

__attribute__((noinline)) static void wait_semaphore(void) {
  waits("g_semaphore", "unit");
  sem_wait(&g_semaphore);
  ++steps;
}

static pthread_barrier_t g_barrier;

__attribute__((noinline)) static void hold_barrier(void) {
  partner("g_barrier", "is_to_arrive");
  sleep_long();
  pthread_barrier_wait(&g_barrier);
}

__attribute__((noinline)) static void wait_barrier(void) {
  tell("missing g_barrier 1\n");
  waits("g_barrier", "arrivals");
  pthread_barrier_wait(&g_barrier);
  ++steps;
}

static pthread_once_t g_once = PTHREAD_ONCE_INIT;

__attribute__((noinline)) static void hold_once(void) {
  partner("g_once", "initialises");
  pthread_once(&g_once, sleep_long);
  ++steps;
}

__attribute__((noinline)) static void wait_once(void) {
  tell("needs library_symbols waits\n");
  waits("g_once", "initialisation");
  pthread_once(&g_once, sleep_long);
  ++steps;
}

static pthread_t holder;

__attribute__((noinline)) static void wait_join(void) {
  waits("holder", "join");
  pthread_join(holder, NULL);
  ++steps;
}

static FILE* file;

__attribute__((noinline)) static void hold_stdio(void) {
  flockfile(file);
  holds("file");
  sleep_long();
  funlockfile(file);
}

__attribute__((noinline)) static void wait_stdio(void) {
  waits("file", "lock");
  fputs("line\n", file);
  ++steps;
}

struct story {
  const char* argument;
  const char* resource;
  void* address;
  const char* kind;
  void (*hold)(void);
  void (*wait)(void);
};

static const struct story stories[] = {
    {"mutex", "g_mutex", &g_mutex, "mutex", hold_mutex, wait_mutex},
    {"recursive_mutex", "g_recording", &g_recording, "mutex", hold_recording, wait_recording},
    {"inheriting_mutex", "g_recording", &g_recording, "mutex", hold_recording, wait_recording},
    {"rwlock_read", "g_rwlock", &g_rwlock, "rwlock", hold_rwlock_read, wait_rwlock_read},
    {"rwlock_write", "g_read_lock", &g_read_lock, "rwlock", hold_rwlock_write, wait_rwlock_write},
    {"condition", "g_condition", &g_condition, "condition", hold_condition, wait_condition},
    {"condition_on_stack", NULL, NULL, NULL, sleep_long, wait_on_stack},
    {"semaphore", "g_semaphore", &g_semaphore, "semaphore", hold_semaphore, wait_semaphore},
    {"barrier", "g_barrier", &g_barrier, "barrier", hold_barrier, wait_barrier},
    {"once", "g_once", &g_once, "once", hold_once, wait_once},
    {"join", NULL, NULL, NULL, sleep_long, wait_join},
    {"stdio", "file", NULL, "stdio", hold_stdio, wait_stdio}};

static const struct story* story;

static void* run_holder(void* unused) {
  role("holder");
  story->hold();
  return unused;
}

static void* run_waiter(void* unused) {
  role("waiter");
  story->wait();
  return unused;
}

static void set_up(void) {
  const int inherits = strcmp(story->argument, "inheriting_mutex") == 0;
  pthread_mutexattr_t records;
  pthread_mutexattr_init(&records);
  if (inherits) pthread_mutexattr_setprotocol(&records, PTHREAD_PRIO_INHERIT);
  if (!inherits) pthread_mutexattr_settype(&records, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&g_recording, &records);
  sem_init(&g_semaphore, 0, 1);
  pthread_barrier_init(&g_barrier, NULL, 2);
  file = tmpfile();
}

int main(int count, char** arguments) {
  begin();
  if (count != 2) return 1;
  for (story = stories; strcmp(story->argument, arguments[1]) != 0;) ++story;
  set_up();
  if (story->resource) {
    tell("lock %s %p %s\n", story->resource, story->address, story->kind);
  }
  tell("needs library_symbols partner\nroot holder\n");
  pthread_t waiter;
  pthread_create(&holder, NULL, run_holder, NULL);
  while (!atomic_load(&sleeps)) sched_yield();
  pthread_create(&waiter, NULL, run_waiter, NULL);
  ready(1);
}
