// pthread_once, call_once, std::call_once: a thread that comes while another runs the routine
// sleeps on the pthread_once_t itself (glibc: nptl/pthread_once.c, the same from 2.20 to 2.42):
//
//     0                   not begun
//     generation | 1      some thread runs the routine; `generation` counts forks in steps of 4
//     2                   done
//
// Four bytes are no proof. But the thread that runs the routine has left a handler on its cleanup
// chain that would set the word back, and its argument leads to the word:
//
//     until 2.33          argument ──▶ the word
//     from 2.34 on        argument ──▶ { handler, the word, whether to run it }
//
// That thread is the holder, and is recorded by libc; it may be the waiting one itself. A name has
// to say that it is a once-flag where no chain leads to it.

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kStateBits = 3;
constexpr std::uint32_t kRuns = 1;

}  // namespace

std::optional<RecognisedWait> recognise_pthread_once(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const NamedWait& names = sleeper.names;
  if (sleeper.frames.libc() == LibcKind::kMusl || call.command != FutexCommand::kWait ||
      call.timed() || !call.process_private || (call.value & kStateBits) != kRuns ||
      names.rules_out(NameMeans::kOnce)) {
    return std::nullopt;
  }
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  const auto runner = sleeper.locks.find_once_runner(sleeper.snapshot, call.word);
  if (!runner && !names.names(NameMeans::kOnce)) return std::nullopt;
  RecognisedWait wait{
      .resource = {.address = call.word},
      .kind = WaitKind::kInitialisation,
      .by = runner ? RecognisedBy::kCleanupChain : names.best_name(NameMeans::kOnce)};
  wait.resource.seen = sleeper.locks.read_seen(call.word, sizeof *word);
  if (runner) wait.owner = {OwnerFate::kThread, runner};
  if (!word) wait.owner = {OwnerFate::kUnreadable, std::nullopt};
  if (word && *word != call.value) wait.owner = {OwnerFate::kInTransition, std::nullopt};
  return wait;
}

}  // namespace pstuck
