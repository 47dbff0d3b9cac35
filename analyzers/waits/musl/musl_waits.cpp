#include "analyzers/waits/musl/musl_waits.h"

#include <algorithm>

#include "analyzers/waits/runtime_functions.h"

// musl's own functions that sleep are hidden and nameless in the shared library: __wait,
// __timedwait_cp, __syscall_cp. The first function outside them that has a name is the primitive's
// own: pthread_mutex_timedlock, sem_timedwait, fputs. A stripped static program has no name at all;
// there each primitive must be proved by its bytes.

namespace pstuck {
namespace {

// Without its leading "__".
std::optional<MuslPrimitive> meaning_in_musl(std::string_view name) {
  struct Meaning {
    std::string_view beginning;
    MuslPrimitive primitive;
  };
  static constexpr Meaning kMeanings[] = {
      {"pthread_mutex_", MuslPrimitive::kMutex},     {"mtx_", MuslPrimitive::kMutex},
      {"pthread_rwlock_", MuslPrimitive::kRwlock},   {"pthread_cond_", MuslPrimitive::kCondition},
      {"private_cond_", MuslPrimitive::kCondition},  {"cnd_", MuslPrimitive::kCondition},
      {"sem_", MuslPrimitive::kSemaphore},           {"pthread_barrier_", MuslPrimitive::kBarrier},
      {"pshared_barrier_", MuslPrimitive::kBarrier}, {"pthread_once", MuslPrimitive::kOnce},
      {"call_once", MuslPrimitive::kOnce},           {"pthread_join", MuslPrimitive::kJoin},
      {"pthread_timedjoin", MuslPrimitive::kJoin},   {"thrd_join", MuslPrimitive::kJoin},
      {"pthread_tryjoin", MuslPrimitive::kJoin},     {"lockfile", MuslPrimitive::kStdio}};
  for (const Meaning& meaning : kMeanings) {
    if (name.starts_with(meaning.beginning)) return meaning.primitive;
  }
  if (starts_with_any(name, {"wait", "timedwait", "syscall_cp", "cp_begin", "cp_end", "futex"})) {
    return {};
  }
  switch (meaning_of(name)) {
    case NameMeans::kStdio:
      return MuslPrimitive::kStdio;
    case NameMeans::kLibcLock:
      return MuslPrimitive::kLibcLock;
    default:
      return name == "lock" ? MuslPrimitive::kLibcLock : MuslPrimitive::kNone;
  }
}

}  // namespace

MuslPrimitive find_musl_primitive(const FutexSleeper& sleeper) {
  if (sleeper.frames.libc() != LibcKind::kMusl) return MuslPrimitive::kNone;
  for (const std::string_view function : runtime_functions(sleeper)) {
    if (const auto meaning = meaning_in_musl(plain_libc_name(function))) return *meaning;
  }
  const std::string_view called = plain_libc_name(sleeper.stack.library_call);
  if (called.empty()) return MuslPrimitive::kUnnamed;
  return meaning_in_musl(called).value_or(MuslPrimitive::kNone);
}

bool is_in_musl(const FutexSleeper& sleeper, std::string_view function) {
  return is_in(runtime_functions(sleeper), function) ||
         sleeper.stack.library_call.find(function) != std::string::npos;
}

bool is_musl_wait(const FutexCall& call, bool process_private) {
  return call.command == FutexCommand::kWait && call.process_private == process_private;
}

RecognisedBy recognised_in_musl(const FutexSleeper& sleeper, MuslPrimitive primitive) {
  if (primitive == MuslPrimitive::kUnnamed) return RecognisedBy::kRegisters;
  const auto functions = runtime_functions(sleeper);
  const bool on_stack = std::ranges::any_of(functions, [&](std::string_view function) {
    return meaning_in_musl(plain_libc_name(function)) == primitive;
  });
  return on_stack ? RecognisedBy::kFunctionName : RecognisedBy::kCallSite;
}

}  // namespace pstuck
