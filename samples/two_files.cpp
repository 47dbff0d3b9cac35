// Two threads write to two logs, and keep each log locked for all of a record's lines: stdio has a
// lock in each FILE. One locks the access log first, the other the error log.
//
//     access ──writes to──▶ g_error_log ──locked by──▶ error
//       ▲                                                │
//       └──locked by── g_access_log ◀────writes to───────┘
//
// pstuck: 2 threads wait for each other

#include <cstdio>
#include <latch>

#include "sample.h"

std::FILE* g_access_log;
std::FILE* g_error_log;
std::latch both_hold_one(2);

[[gnu::noinline]] void write_line(std::FILE* file, const char* name) {
  sample::waits(name);
  std::fputs("see the other log\n", file);
  std::fflush(file);
}

[[gnu::noinline]] void write_record(std::FILE* own, const char* own_name, std::FILE* other,
                                    const char* other_name) {
  flockfile(own);
  sample::holds(own_name);
  both_hold_one.arrive_and_wait();
  write_line(other, other_name);
  funlockfile(own);
}

int main() {
  sample::begin();
  g_access_log = std::tmpfile(), g_error_log = std::tmpfile();
  sample::lock("access_log", g_access_log->_lock, "stdio");
  sample::lock("error_log", g_error_log->_lock, "stdio");
  sample::start("access",
                [] { write_record(g_access_log, "access_log", g_error_log, "error_log"); });
  sample::start("error",
                [] { write_record(g_error_log, "error_log", g_access_log, "access_log"); });
  sample::cycle("access error"), sample::finding("deadlock");
  sample::ready(2);
}
