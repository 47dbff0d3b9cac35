// pthread_once of musl (src/thread/pthread_once.c): the control word is the futex.
//
//     0 fresh     1 some thread initialises     2 done     3 … and others wait: what they expect
//
// Who initialises is not recorded, and the word alone proves nothing: a name must say what it is.

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {

std::optional<RecognisedWait> recognise_musl_once(const FutexSleeper& sleeper) {
  constexpr std::uint32_t kRunsWithWaiters = 3;
  if (find_musl_primitive(sleeper) != MuslPrimitive::kOnce || !is_musl_wait(sleeper.call, true) ||
      sleeper.call.value != kRunsWithWaiters) {
    return std::nullopt;
  }
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(sleeper.call.word);
  if (!word || *word > kRunsWithWaiters) return std::nullopt;
  RecognisedWait wait{.resource = {.address = sleeper.call.word, .seen = bytes_seen(*word)},
                      .kind = WaitKind::kInitialisation,
                      .by = recognised_in_musl(sleeper, MuslPrimitive::kOnce)};
  if (*word != kRunsWithWaiters) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
