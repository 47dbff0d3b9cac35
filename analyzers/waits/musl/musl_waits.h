#pragma once

/// What threads wait for in musl, whose objects, futex values and names are its own. All layouts
/// are those of x86-64, the same from musl 1.1.20 to 1.2.5.

#include <algorithm>
#include <span>
#include <string_view>

#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// What of musl the names speak for.
enum class MuslPrimitive {
  kNone,  ///< a name says that it is something else, or not musl's
  kUnnamed,
  kMutex,
  kRwlock,
  kCondition,
  kSemaphore,
  kBarrier,
  kOnce,
  kJoin,
  kStdio,
  kLibcLock,
};

/// kNone for other C libraries.
MuslPrimitive find_musl_primitive(const FutexSleeper& sleeper);

/// Whether a function of this name is on libc's part of the stack, or was called by the program.
bool is_in_musl(const FutexSleeper& sleeper, std::string_view function);

/// FUTEX_WAIT, which is all that musl sleeps with but for priority-inheriting mutexes.
bool is_musl_wait(const FutexCall& call, bool process_private);

/// Whether the bytes there can be a mutex, held or free.
bool can_be_musl_mutex(const FutexSleeper& sleeper, Address at);

/// How the wait was recognised where `primitive` was found.
RecognisedBy recognised_in_musl(const FutexSleeper& sleeper, MuslPrimitive primitive);

}  // namespace pstuck
