// Two exporters take two locks in opposite order, but each asks for its second one with a time
// limit. It looks like a deadlock and it is one – for an hour, then one of them gives up.
//
//     daily ──wants, 1 h──▶ g_report ──held by──▶ weekly
//       ▲                                            │
//       └────held by──── g_ledger ◀───wants, 1 h─────┘
//
// Run with: pthread_mutex_timedlock | pthread_mutex_clocklock | try_lock_for
// Build with: aarch64
// pstuck: breaks by itself in

#include <chrono>
#include <ctime>
#include <latch>
#include <mutex>
#include <string>

#include "sample.h"

std::timed_mutex g_ledger;
std::timed_mutex g_report;
std::latch both_hold_one(2);

timespec in_one_hour(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  time.tv_sec += 3600;
  return time;
}

[[gnu::noinline]] bool lock_by_the_calendar(std::timed_mutex& mutex, const char* name) {
  const timespec limit = in_one_hour(CLOCK_REALTIME);
  sample::waits(name, "timed");
  return pthread_mutex_timedlock(mutex.native_handle(), &limit) == 0;
}

[[gnu::noinline]] bool lock_by_the_clock(std::timed_mutex& mutex, const char* name) {
  const timespec limit = in_one_hour(CLOCK_MONOTONIC);
  sample::waits(name, "timed");
  return pthread_mutex_clocklock(mutex.native_handle(), CLOCK_MONOTONIC, &limit) == 0;
}

[[gnu::noinline]] bool lock_by_the_library(std::timed_mutex& mutex, const char* name) {
  sample::waits(name, "timed");
  return mutex.try_lock_for(std::chrono::hours(1));
}

bool lock_for_an_hour(std::timed_mutex& mutex, const char* name, const std::string& how) {
  if (how == "pthread_mutex_timedlock") return lock_by_the_calendar(mutex, name);
  if (how == "pthread_mutex_clocklock") return lock_by_the_clock(mutex, name);
  return lock_by_the_library(mutex, name);
}

[[gnu::noinline]] void export_books(std::timed_mutex& first, const char* first_name,
                                    std::timed_mutex& second, const char* second_name,
                                    const std::string& how) {
  std::lock_guard lock(first);
  sample::holds(first_name);
  both_hold_one.arrive_and_wait();
  if (lock_for_an_hour(second, second_name, how)) second.unlock();
}

int main(int argc, char** argv) {
  sample::begin();
  const std::string how = argc > 1 ? argv[1] : "try_lock_for";
  sample::lock("g_ledger", &g_ledger);
  sample::lock("g_report", &g_report);
  sample::start("daily", [&] { export_books(g_ledger, "g_ledger", g_report, "g_report", how); });
  sample::start("weekly", [&] { export_books(g_report, "g_report", g_ledger, "g_ledger", how); });
  sample::cycle("daily weekly");
  sample::finding("deadlock");
  sample::ready(2);
}
