// How a case blocks, and what its innermost frames call: in a file of its own, so that only LTO
// sees through it.

#include <unistd.h>

#include "corpus.h"

std::atomic<int> parked = 0;
std::mutex gate;

namespace {

volatile int over = 0;
std::atomic<long> touched = 0;
pthread_mutex_t condition_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

void init_mutex(pthread_mutex_t* mutex, bool robust) {
  pthread_mutexattr_t like;
  pthread_mutexattr_init(&like);
  if (robust) {
    pthread_mutexattr_setrobust(&like, PTHREAD_MUTEX_ROBUST);
  } else {
    pthread_mutexattr_setprotocol(&like, PTHREAD_PRIO_INHERIT);
  }
  pthread_mutex_init(mutex, &like);
}

}  // namespace

NOINLINE void touch() { touched += 1; }

NOINLINE int pick(int number) {
  const volatile int picked = number;
  return picked;
}

NOINLINE void use(const volatile void* pointer) {
  if (pointer != nullptr) touched += 1;
}

NOINLINE void call(void (*function)(void*), void* argument) {
  function(argument);
  KEEP_FRAME(call);
}

NOINLINE void park() {
  ++parked;
  while (over == 0) pause();
}

NOINLINE void park_in_condition() {
  pthread_mutex_lock(&condition_mutex);
  ++parked;
  while (over == 0) pthread_cond_wait(&condition, &condition_mutex);
  pthread_mutex_unlock(&condition_mutex);
}

NOINLINE void park_at_gate() {
  ++parked;
  std::lock_guard wait(gate);
  touch();
}

// The values that live through the inner call fill the registers that a callee must save.
NOINLINE void park_deep(int frames) {
  const int a = pick(1), b = pick(2), c = pick(3), d = pick(4), e = pick(5), f = pick(6);
  if (frames > 0) {
    park_deep(frames - 1);
  } else {
    park();
  }
  if (a + b + c + d + e + f + frames == 0) touch();
}

NOINLINE void lock_for_caller(std::mutex& mutex) {
  mutex.lock();
  touch();
}

NOINLINE void unlock_for_caller(std::mutex& mutex) {
  mutex.unlock();
  touch();
}

NOINLINE std::unique_lock<std::mutex> make_lock(std::mutex& mutex) {
  std::unique_lock lock(mutex);
  touch();
  return lock;
}

NOINLINE bool try_lock_for_caller(std::mutex& mutex, bool wanted) {
  if (!wanted) return false;
  mutex.lock();
  touch();
  return true;
}

int (*volatile lock_function)(pthread_mutex_t*) = pthread_mutex_lock;
int (*volatile unlock_function)(pthread_mutex_t*) = pthread_mutex_unlock;

NOINLINE void Door::lock() {
  pthread_mutex_lock(&native_);
  touch();
}

NOINLINE void Door::unlock() {
  pthread_mutex_unlock(&native_);
  touch();
}

RobustMutex::RobustMutex() { init_mutex(&native, true); }
InheritMutex::InheritMutex() { init_mutex(&native, false); }
