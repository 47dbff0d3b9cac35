#pragma once

/// What sample.h is for C++, as far as the C samples of musl need it.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local const char* my_role;
static atomic_int holds_told;
static atomic_int waits_told;

/// One line with one write: lines of different threads never mix.
#define tell(...) dprintf(STDOUT_FILENO, __VA_ARGS__)

static inline void begin(void) {
  alarm(300);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  tell("pid %d\n", getpid());
}

static inline void role(const char* name) {
  my_role = name;
  prctl(PR_SET_NAME, name);
  tell("role %s %ld\n", name, syscall(SYS_gettid));
}

/// The calling thread took it on the line before, and has it to the end.
#define holds(lock)                                                             \
  (tell("holds %s %s %s:%d %s\n", my_role, lock, __FILE__, __LINE__, __func__), \
   atomic_fetch_add(&holds_told, 1))

/// The calling thread has to act, which the lock does not record; as sample::partner().
#define partner(lock, part)                                                                \
  (tell("partner %s %s %s %s:%d %s\n", my_role, lock, part, __FILE__, __LINE__, __func__), \
   atomic_fetch_add(&holds_told, 1))

static inline void wait_for_holds(int holds) {
  while (atomic_load(&holds_told) < holds) sched_yield();
}

/// The calling thread waits for it on the line after, for ever.
#define waits(lock, kind)                                                                \
  (tell("waits %s %s %s %s:%d %s\n", my_role, lock, kind, __FILE__, __LINE__, __func__), \
   atomic_fetch_add(&waits_told, 1))

/// Last thing in main: when this many waits were told, says so, and stays.
static inline void ready(int waits) {
  while (atomic_load(&waits_told) < waits) sched_yield();
  tell("ready\n");
  while (1) pause();
}
