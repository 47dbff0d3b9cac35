#pragma once

#include <string_view>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/program_frames.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// What a function's name says about the wait under it.
enum class NameMeans {
  kNothing,    ///< no name, or one that every wait shares: __lll_lock_wait
  kMutex,      ///< pthread_mutex_lock and its kin
  kCondition,  ///< pthread_cond_wait and its kin
  kRwlock,     ///< and so on, each with its C11 and internal names
  kSemaphore,
  kBarrier,
  kOnce,
  kSpinlock,
  kStdio,     ///< a function of libc that locks a FILE
  kLibcLock,  ///< one that takes another lock of libc's own: malloc, setenv
  kElse,      ///< another primitive, or code that sleeps on a futex of its own
  kUnknown,
};

NameMeans meaning_of(std::string_view function);

/// What a thread's names say about the wait that it is in, all taken together.
struct NamedWait {
  NameMeans frames = NameMeans::kNothing;     ///< libc's part of the stack, innermost first
  NameMeans call_site = NameMeans::kNothing;  ///< Stack::library_call
  bool under_condition = false;               ///< pthread_cond_wait is in either
  bool outside_libc =
      false;  ///< the call was made by code that is not libc's, though libc is there
  /// __lll_lock_wait_private is the innermost name: only libc's own locks wait there.
  bool in_private_lock = false;
  /// All names of libc's part of the stack, then that of the call site; plain, innermost first.
  std::vector<std::string_view> libc_functions;

  [[nodiscard]] bool names(NameMeans primitive) const {
    return frames == primitive || call_site == primitive;
  }
  /// Something speaks against this primitive. For a mutex nothing speaks that a condition variable
  /// is named, whose mutex is locked again after the wait.
  [[nodiscard]] bool rules_out(NameMeans primitive) const;

  [[nodiscard]] bool names_mutex() const { return names(NameMeans::kMutex); }
  [[nodiscard]] bool rules_out_mutex() const { return rules_out(NameMeans::kMutex); }
  /// Which of its names names the primitive: one does.
  [[nodiscard]] RecognisedBy best_name(NameMeans primitive) const {
    return call_site == primitive ? RecognisedBy::kCallSite : RecognisedBy::kFunctionName;
  }
};

/// The views in it live as long as `stack` and what `frames` was made from.
NamedWait read_names(const Stack& stack, const ProgramFrames& frames);

}  // namespace pstuck
