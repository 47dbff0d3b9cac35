#pragma once

/// What every sample does: it names its threads, lets pstuck look at it, and tells the truth about
/// itself on standard output, one fact a line, so that a test can hold pstuck's report against it:
///
///   pid N · role NAME TID · lock NAME ADDRESS · exited ROLE
///   holds ROLE LOCK LINE FUNCTION                 the lock was taken on line LINE - 1
///   waits ROLE LOCK|ROLE KIND LINE FUNCTION        the wait itself begins on line LINE + 1
///   name LOCK NAME · stripped_name LOCK NAME       what pstuck calls it, with and without symbols
///   cycle ROLE ROLE …                              each waits for what the next one holds
///   pile_up LOCK THREADS HOLDER · root ROLE · finding KIND · healthy · skip REASON · ready
///
/// A lock called g_… is, or is a part of, the global variable of that name.

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

namespace sample {

/// One write for one line: lines of different threads never mix.
inline void tell(const std::string& fact) {
  const std::string line = fact + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(1);
}

/// Counts waits() lines. Shared memory, so that a parent counts those of its children too.
inline std::atomic<int>& waits_told() {
  static auto* const count = new (mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>(0);
  return *count;
}

/// First thing in main, and in a forked child that is to be looked at instead of its parent.
inline void begin() {
  waits_told();
  alarm(300);                                          // a forgotten sample ends by itself
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // Yama: anyone of this user may attach
  tell("pid " + std::to_string(getpid()));
}

inline std::string& my_role() {
  static thread_local std::string name;
  return name;
}

/// The calling thread's part in the story, and its name.
inline void role(const std::string& name) {
  my_role() = name;
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  tell("role " + name + " " + std::to_string(gettid()));
}

/// Runs `work` in a thread of its own, in this role; returns when the role is told.
template <typename Work>
void start(const std::string& name, Work work) {
  std::atomic<bool> told = false;
  std::thread([&told, name, work] {
    role(name);
    told = true;
    work();
  }).detach();
  while (!told) sched_yield();
}

inline void lock(const std::string& name, const void* address) {
  char hex[32];
  std::snprintf(hex, sizeof hex, "%p", address);
  tell("lock " + name + " " + hex);
}

/// What pstuck is to call the lock where it has debug information.
inline void lock_name(const std::string& lock_name, const std::string& name) {
  tell("name " + lock_name + " " + name);
}

/// The same where it has no symbols: the class of an object, and how far in it the lock is.
inline void stripped_name(const std::string& lock_name, const std::string& class_name,
                          const void* lock, const void* object) {
  char offset[32];
  std::snprintf(offset, sizeof offset, "+%#tx",
                static_cast<const char*>(lock) - static_cast<const char*>(object));
  tell("stripped_name " + lock_name + " " + class_name + offset);
}

inline std::atomic<int>& holds_told() {
  static std::atomic<int> count = 0;
  return count;
}

/// The calling thread took this lock on the line just before, and has it to the end.
inline void holds(const std::string& lock_name, int line = __builtin_LINE(),
                  const char* function = __builtin_FUNCTION()) {
  tell("holds " + my_role() + " " + lock_name + " " + std::to_string(line) + " " + function);
  ++holds_told();
}

inline void wait_for_holds(int holds) {
  while (holds_told() < holds) sched_yield();
}

/// The calling thread waits for `resource` on the very next line of the source, for ever.
/// `kind`: lock, timed, relock (to come back from a condition variable), or join.
inline void waits(const std::string& resource, const std::string& kind = "lock",
                  int line = __builtin_LINE(), const char* function = __builtin_FUNCTION()) {
  tell("waits " + my_role() + " " + resource + " " + kind + " " + std::to_string(line) + " " +
       function);
  ++waits_told();
}

inline void cycle(const std::string& roles) { tell("cycle " + roles); }
inline void finding(const std::string& kind) { tell("finding " + kind); }
inline void exited(const std::string& role_name) { tell("exited " + role_name); }
inline void root(const std::string& role_name) { tell("root " + role_name); }
inline void healthy() { tell("healthy"); }
inline void pile_up(const std::string& lock_name, int threads, const std::string& holder) {
  tell("pile_up " + lock_name + " " + std::to_string(threads) + " " + holder);
}

inline void wait_for_waits(int waits) {
  while (waits_told() < waits) sched_yield();
}

/// Last thing in main: when this many waits() were told, says so, and stays.
[[noreturn]] inline void ready(int waits) {
  wait_for_waits(waits);
  tell("ready");
  while (true) pause();
}

/// This machine cannot show the story.
[[noreturn]] inline void skip(const std::string& reason) {
  tell("skip " + reason);
  std::_Exit(0);
}

}  // namespace sample
