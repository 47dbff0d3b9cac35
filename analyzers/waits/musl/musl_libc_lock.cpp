// A lock of musl's own, as in malloc (src/thread/__lock.c): one word, which is the futex.
//
//     0 free     0x80000000 | n    taken; n threads have it or want it, the owner among them
//
// It records nobody. The word alone can be many things, so a name must say what it is.

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {

std::optional<RecognisedWait> recognise_musl_libc_lock(const FutexSleeper& sleeper) {
  constexpr std::uint32_t kTaken = 0x80000000;
  const FutexCall& call = sleeper.call;
  if (find_musl_primitive(sleeper) != MuslPrimitive::kLibcLock || !is_musl_wait(call, true) ||
      call.timed()) {
    return std::nullopt;
  }
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  const std::uint32_t inside = call.value & ~kTaken;
  const bool is_taken = (call.value & kTaken) != 0 && inside > 1;
  if (!word || !is_taken || inside > sleeper.snapshot.threads.size()) return std::nullopt;
  // How many want it may have changed since.
  const bool held = (*word & kTaken) != 0;
  RecognisedWait wait{.resource = {.address = call.word, .seen = bytes_seen(*word)},
                      .by = recognised_in_musl(sleeper, MuslPrimitive::kLibcLock)};
  if (!held) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
