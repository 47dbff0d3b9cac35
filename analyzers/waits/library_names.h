#pragma once

#include <string_view>

#include "analyzers/program_frames.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// What a function's name says about the wait under it.
enum class NameMeans {
  kNothing,    ///< no name, or one that every wait shares: __lll_lock_wait
  kMutex,      ///< pthread_mutex_lock and its kin
  kCondition,  ///< pthread_cond_wait and its kin
  kElse,       ///< another primitive, or code that sleeps on a futex of its own
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

  /// Something speaks against a pthread mutex.
  [[nodiscard]] bool rules_out_mutex() const;
  [[nodiscard]] bool names_mutex() const {
    return frames == NameMeans::kMutex || call_site == NameMeans::kMutex;
  }
};

NamedWait read_names(const Stack& stack, const ProgramFrames& frames);

}  // namespace pstuck
