// A small static program with musl, as in many containers: two threads take two locks in different
// orders. A recursive mutex of musl records its owner; a normal one does not, and the program has
// no unwind tables for libc's own functions.
//
//     left ──wants──▶ g_second ──locked by──▶ right
//       ▲                                       │
//       └──locked by── g_first ◀──────wants─────┘
//
// pstuck: 2 threads wait for each other

#include "sample_musl.h"

static pthread_mutex_t g_first;
static pthread_mutex_t g_second;
static volatile int steps;

__attribute__((noinline)) static void lock_other(pthread_mutex_t* mutex, const char* name) {
  waits(name, "lock");
  pthread_mutex_lock(mutex);
  ++steps;
  pthread_mutex_unlock(mutex);
}

__attribute__((noinline)) static void lock_both(pthread_mutex_t* own, const char* own_name,
                                                pthread_mutex_t* other, const char* other_name) {
  pthread_mutex_lock(own);
  holds(own_name);
  wait_for_holds(2);
  lock_other(other, other_name);
  pthread_mutex_unlock(own);
}

static void* run_left(void* unused) {
  role("left");
  lock_both(&g_first, "g_first", &g_second, "g_second");
  return unused;
}

static void* run_right(void* unused) {
  role("right");
  lock_both(&g_second, "g_second", &g_first, "g_first");
  return unused;
}

int main(void) {
  begin();
  pthread_mutexattr_t recursive;
  pthread_mutexattr_init(&recursive);
  pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&g_first, &recursive);
  pthread_mutex_init(&g_second, &recursive);
  tell("lock g_first %p mutex\nlock g_second %p mutex\n", (void*)&g_first, (void*)&g_second);
  pthread_t left, right;
  pthread_create(&left, NULL, run_left, NULL);
  pthread_create(&right, NULL, run_right, NULL);
  tell("cycle left right\nfinding deadlock recorded\n");
  ready(2);
}
