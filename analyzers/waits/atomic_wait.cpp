// std::atomic<T>::wait for a T of four bytes, whose own address is the futex word (see
// platform_wait.cpp). A larger or smaller T sleeps on a word of a pool that all such objects share,
// and where the object is has no certain answer in any register: such a wait is not claimed. What
// has no names at all is this too: whatever it is, it sleeps until that word changes.

#include "analyzers/waits/platform_wait.h"

namespace pstuck {

std::optional<RecognisedWait> recognise_atomic_wait(const FutexSleeper& sleeper) {
  const auto found = find_platform_wait(sleeper);
  if (!found || found->waiter != PlatformWaiter::kAtomic || found->pooled) return std::nullopt;
  RecognisedWait wait{.resource = {.address = sleeper.call.word,
                                   .value = found->word,
                                   .seen = bytes_seen(found->word)},
                      .kind = WaitKind::kChange,
                      .by = found->by};
  if (found->changed) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
