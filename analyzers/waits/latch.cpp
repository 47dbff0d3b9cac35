// std::latch of libstdc++ 11 to 14 (include/std/latch). The object is one int, and the futex word:
// how many arrivals are still missing. How many there were to be it does not keep.

#include "analyzers/waits/platform_wait.h"

namespace pstuck {

std::optional<RecognisedWait> recognise_latch(const FutexSleeper& sleeper) {
  const auto found = find_platform_wait(sleeper);
  if (!found || found->waiter != PlatformWaiter::kLatch) return std::nullopt;
  RecognisedWait wait{.resource = {.address = sleeper.call.word,
                                   .type = "std::latch",
                                   .parties = PartyCount{.missing = found->word},
                                   .seen = bytes_seen(found->word)},
                      .kind = WaitKind::kArrivals,
                      .by = found->by};
  // One that arrives on the way wakes nobody, but the count is another one then.
  if (found->word == 0) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
