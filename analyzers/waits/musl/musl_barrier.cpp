// A barrier of musl (src/thread/pthread_barrier_wait.c). The first thread of a round keeps the
// round's state on its own stack and sleeps on its last word; the others sleep on its second:
//
//     barrier ──▶ +0  lock   +4  waiters   +8  limit, parties - 1   +24  instance ──▶
//     instance ──▶ +0  how many others have come   +4  last: 0   +8  waiters   +12  finished: 1
//
// So the barrier is the one address in the waiting function's frames, or passed to it, that points
// to the instance. A shared barrier is slept on itself, at +12, where the arrived are counted; its
// limit is negative.

#include <algorithm>

#include "analyzers/waits/frame_words.h"
#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kLastOffset = 4;
constexpr std::uint64_t kFinishedOffset = 12;
constexpr std::uint64_t kCountOffset = 12;
constexpr std::size_t kMostFrames = 8;
constexpr std::uint32_t kSharedLimit = 0x80000000;

struct Barrier {
  std::uint32_t lock;
  std::uint32_t waiters;
  std::uint32_t limit;
  std::uint32_t count;
  std::uint64_t shared_waiters;
  Address instance;
};

static_assert(sizeof(Barrier) == 32);

RecognisedWait describe(const FutexSleeper& sleeper, Address at, const Barrier& barrier,
                        std::uint32_t arrived, MuslPrimitive primitive) {
  const std::uint32_t expected = (barrier.limit & ~kSharedLimit) + 1;
  return {.resource = {.address = at,
                       .parties = PartyCount{.arrived = arrived,
                                             .expected = expected,
                                             .missing = expected - arrived},
                       .process_shared = (barrier.limit & kSharedLimit) != 0,
                       .seen = bytes_seen(barrier)},
          .kind = WaitKind::kArrivals,
          .by = recognised_in_musl(sleeper, primitive)};
}

std::optional<Barrier> read_barrier(Address at, Address instance, Memory& memory) {
  if (at.value == 0 || at.value % 8 != 0) return std::nullopt;
  const auto barrier = memory.read_object<Barrier>(at);
  const bool is_it = barrier && barrier->instance == instance && barrier->lock <= 1 &&
                     barrier->limit != 0 && barrier->limit < kSharedLimit;
  return is_it ? barrier : std::nullopt;
}

/// The only one of these words that is the address of the instance's barrier.
std::optional<Address> find_barrier(const std::set<Address>& words, Address instance,
                                    Memory& memory) {
  std::optional<Address> found;
  for (const Address word : words) {
    if (!read_barrier(word, instance, memory)) continue;
    if (found) return std::nullopt;
    found = word;
  }
  return found;
}

/// What the innermost frames' calls passed first.
std::set<Address> first_arguments(const FutexSleeper& sleeper) {
  std::set<Address> arguments;
  const std::size_t frames = std::min(sleeper.stack.frames.size(), kMostFrames);
  for (std::size_t i = 0; i < frames; ++i) {
    const auto value = sleeper.program.find_argument(sleeper.stacks, sleeper.index, i, 1);
    if (value) arguments.insert(Address{*value});
  }
  return arguments;
}

/// The first thread may have no use for the barrier's address any more; then the others do. They
/// are asked once, whoever of them is looked at.
std::optional<Address> find_by_others(const FutexSleeper& sleeper, Address instance) {
  LockReader& locks = sleeper.locks;
  const auto [entry, is_new] = locks.musl().barriers.try_emplace(instance.value);
  if (is_new) {
    std::set<Address> words;
    for (const ThreadSnapshot* thread :
         locks.find_callers(sleeper.snapshot, instance + kLastOffset)) {
      words.merge(words_at_stack_pointer(*thread, locks.memory()));
    }
    entry->second = find_barrier(words, instance, locks.memory());
  }
  return entry->second;
}

std::optional<RecognisedWait> find_by_instance(const FutexSleeper& sleeper,
                                               MuslPrimitive primitive) {
  const FutexCall& call = sleeper.call;
  if (!is_musl_wait(call, true) || call.value > 1 || call.timed()) return std::nullopt;
  Memory& memory = sleeper.locks.memory();
  const Address instance = call.word - (call.value == 1 ? kFinishedOffset : kLastOffset);
  const auto others = memory.read_object<std::uint32_t>(instance);
  if (!others) return std::nullopt;
  auto at = find_barrier(words_of_waiting_functions(sleeper), instance, memory);
  if (!at) at = find_barrier(first_arguments(sleeper), instance, memory);
  if (!at) at = find_by_others(sleeper, instance);
  const auto barrier = at ? read_barrier(*at, instance, memory) : std::nullopt;
  if (!barrier || *others >= barrier->limit) return std::nullopt;
  return describe(sleeper, *at, *barrier, *others + 1, primitive);
}

std::optional<RecognisedWait> find_shared(const FutexSleeper& sleeper) {
  const Address at = sleeper.call.word - kCountOffset;
  if (at.value % 8 != 0 || !is_musl_wait(sleeper.call, false)) return std::nullopt;
  const auto barrier = sleeper.locks.memory().read_object<Barrier>(at);
  if (!barrier || barrier->limit <= kSharedLimit) return std::nullopt;
  const std::uint32_t expected = (barrier->limit & ~kSharedLimit) + 1;
  if (barrier->count == 0 || barrier->count >= expected) return std::nullopt;
  return describe(sleeper, at, *barrier, barrier->count, MuslPrimitive::kBarrier);
}

}  // namespace

std::optional<RecognisedWait> recognise_musl_barrier(const FutexSleeper& sleeper) {
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  const bool named = primitive == MuslPrimitive::kBarrier;
  if (!named && primitive != MuslPrimitive::kUnnamed) return std::nullopt;
  if (auto wait = find_by_instance(sleeper, primitive)) return wait;
  return named ? find_shared(sleeper) : std::nullopt;
}

}  // namespace pstuck
