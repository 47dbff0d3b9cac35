// std::counting_semaphore and std::binary_semaphore of libstdc++ 11 to 14 (bits/semaphore_base.h:
// __atomic_semaphore). The object is one int, the number of units left, and the futex word; it
// records nobody. Without names it looks like any other atomic int: see atomic_wait.cpp.

#include "analyzers/waits/platform_wait.h"

namespace pstuck {

std::optional<RecognisedWait> recognise_counting_semaphore(const FutexSleeper& sleeper) {
  const auto found = find_platform_wait(sleeper);
  if (!found || found->waiter != PlatformWaiter::kSemaphore) return std::nullopt;
  RecognisedWait wait{.resource = {.address = sleeper.call.word,
                                   .type = "std::counting_semaphore",
                                   .value = found->word,
                                   .seen = bytes_seen(found->word)},
                      .kind = WaitKind::kUnit,
                      .by = found->by};
  if (found->word != 0) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
