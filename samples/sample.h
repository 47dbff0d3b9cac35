#pragma once

/// What every sample does: it names its threads, lets pstuck look at it, and tells the truth about
/// itself on standard output, one fact a line, so that a test can hold pstuck's report against it:
///
///   pid N · role NAME TID · exited ROLE
///   lock NAME ADDRESS KIND                        any resource; address 0: only libc knows it
///   holds ROLE LOCK FILE:LINE FUNCTION            the lock was taken on the line before
///   owns ROLE LOCK                                the same, where no line can be told
///   partner ROLE LOCK PART FILE:LINE FUNCTION     it has to act, and LOCK does not record it
///   waits ROLE LOCK|ROLE KIND FILE:LINE FUNCTION  the wait itself begins on the line after
///   name LOCK NAME · stripped_name LOCK NAME      what pstuck calls it, with and without symbols
///   missing LOCK N                                so many have to arrive at a barrier or latch
///   unknown LOCK                                  nothing tells who has it
///   used_with LOCK ADDRESS                        the mutex that goes with a condition variable
///   kernel ROLE ACT KIND PROCESS                  sleeps in a call of the kernel about a file of
///                                                 this KIND, or none; PROCESS must act, 0: unknown
///   cycle ROLE ROLE …                             each waits for what the next one has
///   knot ROLE ROLE …                              all wait for each other, not only in one ring
///   likely                                        … and such are inferred, not recorded
///   across ROLE ROLE …                            the same with roles in several processes
///   finding KIND EVIDENCE                         KIND and EVIDENCE, PART as in the JSON report
///   pile_up LOCK THREADS HOLDER · root ROLE · healthy · skip REASON · ready
///   frees ROLE N                                  so many go on when it moves; most first
///   needs WHAT FACT …                             where WHAT is not there these facts may be
///                                                 missing; they are wrong nowhere
///
/// A lock called g_… is, or is a part of, the global variable of that name.

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
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

/// What outlives a process is taken away by a child that does.
template <typename Work>
void clean_up_afterwards(Work work) {
  const pid_t parent = getpid();
  if (fork() != 0) return;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  setpgid(0, 0);  // to outlive also one who ends the whole group
  int signal = 0;
  if (getppid() == parent) sigwait(&signals, &signal);
  work();
  std::_Exit(0);
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

/// The calling thread's part in the story, and its name; main's is that of the process.
inline void role(const std::string& name) {
  my_role() = name;
  if (gettid() != getpid()) pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  tell("role " + name + " " + std::to_string(gettid()));
}

/// Runs `work` in a thread of its own, in this role; returns its id when the role is told.
template <typename Work>
pid_t start(const std::string& name, Work work) {
  std::atomic<pid_t> id = 0;
  std::thread([&id, name, work] {
    role(name);
    id = gettid();
    work();
  }).detach();
  while (id == 0) sched_yield();
  return id;
}

/// Until this thread sleeps in this system call.
inline void wait_until_asleep(pid_t thread, long in_call = SYS_futex) {
  const std::string path = "/proc/self/task/" + std::to_string(thread) + "/syscall";
  for (long call = -1; call != in_call; sched_yield()) {
    std::FILE* const file = std::fopen(path.c_str(), "r");
    if (file == nullptr || std::fscanf(file, "%ld", &call) != 1) call = -1;
    if (file != nullptr) std::fclose(file);
  }
}

/// Tells a resource that threads wait for; `kind` is the JSON report's word.
inline void lock(const std::string& name, const void* address, const std::string& kind = "mutex") {
  char hex[32];
  std::snprintf(hex, sizeof hex, "%#zx", reinterpret_cast<std::size_t>(address));
  tell("lock " + name + " " + hex + " " + kind);
}

/// What a future waits on: libstdc++'s has a pointer to it first.
template <typename Future>
const void* shared_state(const Future& future) {
  return *reinterpret_cast<void* const*>(&future);
}

/// Tells which mutex is given back by those who wait for a condition variable.
inline void used_with(const std::string& condition, const void* mutex) {
  char hex[32];
  std::snprintf(hex, sizeof hex, "%#zx", reinterpret_cast<std::size_t>(mutex));
  tell("used_with " + condition + " " + hex);
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

/// Where in the source a fact is true.
struct Place {
  const char* file;
  int line;
  const char* function;
};

/// Allocates nothing: the caller may be where it must not.
inline void tell_at(const std::string& fact, const std::string& about, const std::string& word,
                    const Place& place) {
  char text[512];
  const int length =
      std::snprintf(text, sizeof text, "%s %s %s %s %s:%d %s\n", fact.c_str(), my_role().c_str(),
                    about.c_str(), word.c_str(), place.file, place.line, place.function);
  if (write(STDOUT_FILENO, text, static_cast<std::size_t>(length)) < 0) std::_Exit(1);
}

/// The calling thread took this lock on the line just before, and has it to the end.
inline void holds(const std::string& lock_name, int line = __builtin_LINE(),
                  const char* function = __builtin_FUNCTION(),
                  const char* file = __builtin_FILE()) {
  tell_at("holds", lock_name, "", {file, line, function});
  ++holds_told();
}

/// The calling thread has this lock, which libc took for it.
inline void owns(const std::string& lock_name) {
  tell("owns " + my_role() + " " + lock_name);
  ++holds_told();
}

/// The calling thread has to act before those who wait for `lock_name` go on, which does not record
/// that: it took its share of it on the line just before.
inline void partner(const std::string& lock_name, const std::string& part,
                    int line = __builtin_LINE(), const char* function = __builtin_FUNCTION(),
                    const char* file = __builtin_FILE()) {
  tell_at("partner", lock_name, part, {file, line, function});
  ++holds_told();
}

inline void wait_for_holds(int holds) {
  while (holds_told() < holds) sched_yield();
}

/// The calling thread waits for `resource` on the very next line of the source, for ever.
/// `kind`: the JSON report's word, or timed (for a lock), relock (to come back from a condition
/// variable).
inline void waits(const std::string& resource, const std::string& kind = "lock",
                  int line = __builtin_LINE(), const char* function = __builtin_FUNCTION(),
                  const char* file = __builtin_FILE()) {
  tell_at("waits", resource, kind, {file, line, function});
  ++waits_told();
}

/// `act` and `file` are the JSON report's words; `process` must act before the call returns.
inline void in_kernel(const std::string& role_name, const std::string& act, const std::string& file,
                      pid_t process) {
  tell("kernel " + role_name + " " + act + " " + file + " " + std::to_string(process));
}

inline void cycle(const std::string& roles) { tell("cycle " + roles); }
inline void knot(const std::string& roles) { tell("knot " + roles); }
inline void finding(const std::string& kind, const std::string& evidence = "recorded") {
  tell("finding " + kind + " " + evidence);
}
inline void missing(const std::string& lock_name, int parties) {
  tell("missing " + lock_name + " " + std::to_string(parties));
}
inline void unknown(const std::string& lock_name) { tell("unknown " + lock_name); }

/// `what`: debug_information, symbols, or library_symbols (the names of what is called in shared
/// libraries, which a stripped program keeps), or what no program has. `facts`: waits, partner,
/// cycle, finding, name, …; kind: without it, a resource may be told as the atomic that it is built
/// on; way: without it, a wait to read is one for a lock.
inline void needs(const std::string& what, const std::string& facts) {
  tell("needs " + what + " " + facts);
}

inline void exited(const std::string& role_name) { tell("exited " + role_name); }
inline void root(const std::string& role_name) { tell("root " + role_name); }
inline void frees(const std::string& role_name, int threads) {
  tell("frees " + role_name + " " + std::to_string(threads));
}
inline void healthy() { tell("healthy"); }
inline void pile_up(const std::string& lock_name, int threads, const std::string& holder) {
  tell("pile_up " + lock_name + " " + std::to_string(threads) + " " + holder);
}

inline void wait_for_waits(int waits) {
  while (waits_told() < waits) sched_yield();
}

/// Before main itself waits: when this many waits() were told, a thread says so and ends.
inline void ready_after(int waits) {
  std::thread([waits] {
    wait_for_waits(waits);
    tell("ready");
  }).detach();
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
