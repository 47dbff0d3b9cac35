// pthread_cond_wait, _timedwait and _clockwait. While a thread sleeps there, libc has left on its
// cleanup chain what it would need to leave the wait (nptl/pthread_cond_wait.c, from 2.25 to 2.42):
//
//     cleanup ──▶ { routine, argument } ──▶ { wseq, cond, mutex, private }
//
// which names both the condition variable and its mutex, whatever the layout of the former is. That
// changed in 2.41, and in the stable branches of older versions too, so no version number tells
// it. The thread sleeps on the signals of one of two groups, and wseq tells which:
//
//     2.25–2.40     wseq g1_start g_refs[2] g_size[2] orig_size wrefs g_signals[2]    at 40 and 44
//     2.41–         wseq g1_start           g_size[2] orig_size wrefs g_signals[2]    at 32 and 36
//
// Without a thread pointer the chain cannot be read. Then a name must say that it is a condition
// variable, and the fields of only one of the places where it could begin must make sense.
//
// Nobody has a condition variable: who can notify it is told by what threads do, not here.

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kOldSignals = 40;
constexpr std::uint64_t kNewSignals = 32;
constexpr std::size_t kSize = 48;
constexpr std::uint64_t kAlignment = 8;

struct CleanupOfWait {
  std::uint64_t sequence;
  Address condition;
  Address mutex;
  std::int32_t shared;
  std::int32_t padding;
};

// The groups follow each other in both layouts.
std::optional<std::uint64_t> group_at(std::uint64_t offset) {
  switch (offset) {
    case kOldSignals:
    case kNewSignals:
      return 0;
    case kOldSignals + sizeof(std::uint32_t):
    case kNewSignals + sizeof(std::uint32_t):
      return 1;
    default:
      return std::nullopt;
  }
}

bool is_wait(const FutexCall& call) {
  return call.command == FutexCommand::kWait || call.command == FutexCommand::kWaitBitset;
}

RecognisedWait describe(const FutexSleeper& sleeper, Address condition) {
  RecognisedWait wait{.resource = {.address = condition}, .kind = WaitKind::kNotification};
  wait.resource.process_shared = !sleeper.call.process_private;
  wait.resource.seen = sleeper.locks.read_seen(condition, kSize);
  return wait;
}

std::optional<RecognisedWait> recognise_by_chain(const FutexSleeper& sleeper) {
  const auto& chain = sleeper.locks.read_cleanup(sleeper.thread);
  if (chain.empty()) return std::nullopt;
  const auto left = sleeper.locks.memory().read_object<CleanupOfWait>(chain.front().argument);
  if (!left || left->condition.value % kAlignment != 0) return std::nullopt;
  if (group_at(sleeper.call.word - left->condition) != (left->sequence & 1)) return std::nullopt;
  RecognisedWait wait = describe(sleeper, left->condition);
  wait.by = RecognisedBy::kCleanupChain;
  wait.resource.condition_mutex = ConditionMutex{.address = left->mutex};
  return wait;
}

// The fields that tell the layouts apart; `head` is the number of 4-byte words before orig_size.
bool is_plausible(const std::array<std::uint32_t, kSize / 4>& words, std::size_t head,
                  std::size_t most_threads) {
  const std::uint32_t original_size = words[head];
  const std::uint32_t waiters = words[head + 1] >> 3;
  const std::uint64_t sequence = words[0] | std::uint64_t{words[1]} << 32;
  const std::uint64_t start = words[2] | std::uint64_t{words[3]} << 32;
  return waiters != 0 && waiters <= most_threads && original_size >> 2 <= most_threads &&
         start >> 1 <= sequence >> 1;
}

std::optional<RecognisedWait> recognise_by_name(const FutexSleeper& sleeper) {
  const NamedWait& names = sleeper.names;
  if (sleeper.thread.registers.thread_pointer || !names.names(NameMeans::kCondition) ||
      names.rules_out(NameMeans::kCondition)) {
    return std::nullopt;
  }
  std::optional<Address> found;
  for (const std::uint64_t signals : {kOldSignals, kNewSignals}) {
    const Address at = sleeper.call.word - signals - sleeper.call.word.value % kAlignment;
    using Words = std::array<std::uint32_t, kSize / 4>;
    const auto words = sleeper.locks.memory().read_object<Words>(at);
    const std::size_t head = signals / 4 - 2;
    if (!words || !is_plausible(*words, head, sleeper.snapshot.threads.size() + 1)) continue;
    if (found) return std::nullopt;
    found = at;
  }
  if (!found) return std::nullopt;
  RecognisedWait wait = describe(sleeper, *found);
  wait.by = names.best_name(NameMeans::kCondition);
  return wait;
}

}  // namespace

std::optional<RecognisedWait> recognise_pthread_cond(const FutexSleeper& sleeper) {
  if (sleeper.frames.libc() == LibcKind::kMusl || !is_wait(sleeper.call)) return std::nullopt;
  if (auto wait = recognise_by_chain(sleeper)) return wait;
  return recognise_by_name(sleeper);
}

}  // namespace pstuck
