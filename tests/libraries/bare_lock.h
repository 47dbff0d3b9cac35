#pragma once

// A lock that records nobody, and the functions that take it and give it back.

#include "futex_word.h"

volatile int succeeds = 1;  // no compiler may know

extern "C" {

[[gnu::noinline]] void bare_lock(int flags, FutexWord* lock) {
  if (flags == 0) lock->lock();
}

[[gnu::noinline]] int bare_try_lock(FutexWord* lock) {
  lock->lock();
  return succeeds;
}

[[gnu::noinline]] void bare_unlock(FutexWord* lock) { lock->unlock(); }
}
