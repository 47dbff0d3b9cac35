#pragma once

#include <cstddef>
#include <string>

namespace pstuck {

/// A function of a program's own that takes a lock or gives it back, as a lock file says.
struct OwnLockFunction {
  enum class Does {
    kTakes,          ///< returns with the lock only
    kTriesForZero,   ///< has taken it when it returns 0
    kTriesForOther,  ///< has taken it when it returns anything else
    kGivesBack,
  };

  std::string name;  ///< a pattern of names_function()
  Does does = Does::kTakes;
  std::size_t argument = 1;   ///< which one is the lock's address, from 1 to 6
  bool shared = false;        ///< takes it with other readers
  bool counts_units = false;  ///< the lock is a semaphore
};

}  // namespace pstuck
