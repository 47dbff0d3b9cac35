#pragma once

#include <optional>

#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// What of the C++20 library sleeps on a futex word by libstdc++'s atomic waiting functions.
enum class PlatformWaiter { kAtomic, kSemaphore, kLatch, kBarrier };

/// A sleep in them that has not returned.
struct PlatformWait {
  PlatformWaiter waiter = PlatformWaiter::kAtomic;
  std::uint32_t word = 0;  ///< as it stands now
  bool changed = false;    ///< since the thread fell asleep: it is about to wake up
  /// The word is none of the program's: it belongs to the pool for objects that are no int, so who
  /// sleeps on it may wait for different objects.
  bool pooled = false;
  RecognisedBy by = RecognisedBy::kFunctionName;
};

/// None where neither names nor the way that the call was made speak for these functions.
std::optional<PlatformWait> find_platform_wait(const FutexSleeper& sleeper);

}  // namespace pstuck
