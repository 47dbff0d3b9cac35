// Starts each case in a thread of its own and says when all of them are about to block.

#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "corpus.h"

namespace {

thread_local const Case* my_case = nullptr;

void tell(const std::string& fact) {
  const std::string line = fact + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(1);
}

void* run_case(void* argument) {
  my_case = static_cast<const Case*>(argument);
  pthread_setname_np(pthread_self(), std::string(my_case->name).substr(0, 15).c_str());
  tell("case " + std::to_string(my_case->id) + " " + std::to_string(gettid()) + " " +
       my_case->name);
  my_case->enter();
  KEEP_FRAME(run_case);
  return nullptr;
}

void start(const Case& one) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 * 1024);  // a core holds all of every stack
  pthread_t thread;
  if (pthread_create(&thread, &small, run_case, const_cast<Case*>(&one)) != 0) std::abort();
}

void tell_gate(int line) {
  char hex[32];
  std::snprintf(hex, sizeof hex, "%p", static_cast<void*>(&gate));
  const std::string tid = std::to_string(gettid());
  tell("case 1 " + tid + " case_001_close_gate");
  tell("holds 1 0 " + tid + " " + hex +
       " mutex case_001_close_gate plain close_gate|close_gate|corpus_main.cpp|" +
       std::to_string(line));
}

/// Holds what the cases in park_at_gate() wait for.
NOINLINE void close_gate(int count) {
  std::lock_guard closed(gate);
  tell_gate(__LINE__ - 1);
  for (const Case* one = cases; one->id != 0; ++one) start(*one);
  while (parked < count) sched_yield();
  tell("ready");
  park();
}

}  // namespace

void tell_lock(int id, int lock, const void* address) {
  const Pair* pair = pairs;
  while (pair->id != 0 && (pair->id != id || pair->lock != lock)) ++pair;
  char hex[32];
  std::snprintf(hex, sizeof hex, "%p", address);
  tell("holds " + std::to_string(id) + " " + std::to_string(lock) + " " + std::to_string(gettid()) +
       " " + hex + " " + pair->kind + " " + my_case->name + " " + pair->tag + " " + pair->taken);
}

int main() {
  mallopt(M_ARENA_MAX, 1);
  alarm(600);  // a forgotten process ends by itself
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  tell("pid " + std::to_string(getpid()));
  int count = 0;
  while (cases[count].id != 0) ++count;
  close_gate(count);
}
