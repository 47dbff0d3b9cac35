// A lock as C programs have them, known by a typedef: two threads take two of them in opposite
// order.

#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "hang.h"

typedef struct {
  atomic_uint word;
  struct {
    int depth;
    int owner;
  };
} own_lock_t;

static own_lock_t first, second;
static pthread_barrier_t both;

__attribute__((noinline)) static void own_lock_wait(own_lock_t* lock) {
  while (atomic_exchange(&lock->word, 2) != 0) {
    syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, 2, NULL);
  }
}

static void own_lock_take(own_lock_t* lock) {
  unsigned expected = 0;
  if (!atomic_compare_exchange_strong(&lock->word, &expected, 1)) own_lock_wait(lock);
  lock->owner = (int)syscall(SYS_gettid);
}

static void* take_both(void* locks) {
  own_lock_t* const* pair = locks;
  own_lock_take(pair[0]);
  pthread_barrier_wait(&both);
  own_lock_take(pair[1]);
  return NULL;
}

int main(void) {
  own_lock_t* forth[] = {&first, &second};
  own_lock_t* back[] = {&second, &first};
  pthread_t other;
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&other, NULL, take_both, back);
  say_ready(&first);
  take_both(forth);
  return pthread_join(other, NULL);
}
