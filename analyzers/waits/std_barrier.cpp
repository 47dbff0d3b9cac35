// std::barrier of libstdc++ 11 to 14 (include/std/barrier: __tree_barrier). Its waiters sleep on a
// word of the pool (see platform_wait.cpp), so the barrier has to be looked for:
//
//     barrier ──▶ +0   _M_expected       parties of this phase
//                 +8   _M_state ──▶      (expected + 1) / 2 nodes of 64 bytes, aligned to 64
//                 +16  _M_expected_adjustment   minus who has dropped out
//                 +24  _M_completion     empty by default, one byte then
//                 +25  _M_phase          even; one byte
//
//     a node's first byte:   phase       nobody has come
//                            phase + 1   one of its two
//                            phase + 2   both, or the only one of the last node of an odd number
//
// `this` and the address of the phase are passed down to the waiting functions, so they stand in
// their frames. Names must say that the wait is a barrier's; then each register and each word of
// those frames is held against the layout, and exactly one object must fit. A completion function
// that is not empty moves the phase: it is looked for up to 64 bytes further on, where the pointer
// to it must be among the words too.

#include <algorithm>
#include <array>
#include <set>

#include "analyzers/waits/frame_words.h"
#include "analyzers/waits/platform_wait.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kPhaseOffset = 25;
constexpr std::uint64_t kLastPhaseOffset = 24 + 64;
constexpr std::int64_t kMostParties = 1 << 12;
constexpr std::uint64_t kNodeSize = 64;

struct BarrierBytes {
  std::int64_t expected;
  Address nodes;
  std::int64_t adjustment;
};

static_assert(sizeof(BarrierBytes) == 24);

struct Barrier {
  Address address;
  BarrierBytes bytes;
  std::uint32_t arrived = 0;
};

// How many have arrived, when all nodes fit the phase.
std::optional<std::uint32_t> count_arrived(const BarrierBytes& barrier, std::uint8_t phase,
                                           Memory& memory) {
  std::uint32_t arrived = 0;
  const std::int64_t nodes = (barrier.expected + 1) / 2;
  for (std::int64_t i = 0; i < nodes; ++i) {
    const auto ticket =
        memory.read_object<std::uint8_t>(barrier.nodes + static_cast<std::uint64_t>(i) * kNodeSize);
    const auto ahead = static_cast<std::uint8_t>(ticket.value_or(0) - phase);
    const bool lone = i == nodes - 1 && barrier.expected % 2 == 1;
    if (!ticket || ahead > 2 || (lone && ahead == 1)) return std::nullopt;
    arrived += lone && ahead == 2 ? 1 : ahead;
  }
  return arrived;
}

// A thread waits, so it has arrived; were all there, they would be on their way.
std::optional<Barrier> read_barrier(Address at, Address phase_at, LockReader& locks) {
  Memory& memory = locks.memory();
  const auto bytes = memory.read_object<BarrierBytes>(at);
  if (!bytes || bytes->expected < 2 || bytes->expected > kMostParties) return std::nullopt;
  if (bytes->nodes.value == 0 || bytes->nodes.value % kNodeSize != 0) return std::nullopt;
  if (bytes->adjustment > 0 || bytes->adjustment < -bytes->expected) return std::nullopt;
  const auto phase = memory.read_object<std::uint8_t>(phase_at);
  if (!phase || *phase % 2 != 0) return std::nullopt;
  if (!locks.may_guess(static_cast<std::uint64_t>(bytes->expected))) return std::nullopt;
  const auto arrived = count_arrived(*bytes, *phase, memory);
  if (!arrived || *arrived == 0 || *arrived >= static_cast<std::uint64_t>(bytes->expected)) {
    return std::nullopt;
  }
  return Barrier{at, *bytes, *arrived};
}

// The barriers that `words` lead to: by their own address, or by that of their phase.
std::vector<Barrier> find_barriers(const std::set<Address>& words, LockReader& locks) {
  std::vector<Barrier> found;
  const auto keep = [&](Address at, Address phase_at) {
    const bool is_known = std::ranges::find(found, at, &Barrier::address) != found.end();
    const auto barrier = is_known || at.value % alignof(BarrierBytes) != 0
                             ? std::nullopt
                             : read_barrier(at, phase_at, locks);
    if (barrier) found.push_back(*barrier);
  };
  for (const Address word : words) {
    keep(word - kPhaseOffset, word);
    keep(word, word + kPhaseOffset);
  }
  if (!found.empty()) return found;
  for (const Address word : words) {
    // A word may be any number: a sum may be less than its parts.
    auto phase = words.upper_bound(word + kPhaseOffset);
    for (; phase != words.end() && *phase - word <= kLastPhaseOffset; ++phase) keep(word, *phase);
  }
  return found;
}

}  // namespace

std::optional<RecognisedWait> recognise_std_barrier(const FutexSleeper& sleeper) {
  const auto wait = find_platform_wait(sleeper);
  if (!wait || wait->waiter != PlatformWaiter::kBarrier) return std::nullopt;
  const auto barriers = find_barriers(words_of_waiting_functions(sleeper), sleeper.locks);
  if (barriers.size() != 1) return std::nullopt;
  const Barrier& barrier = barriers.front();
  const auto expected = static_cast<std::uint32_t>(barrier.bytes.expected);
  RecognisedWait recognised{
      .resource = {.address = barrier.address,
                   .type = "std::barrier",
                   .parties = PartyCount{.arrived = barrier.arrived,
                                         .expected = expected,
                                         .missing = expected - barrier.arrived},
                   .seen = bytes_seen(barrier.bytes)},
      .kind = WaitKind::kArrivals,
      .by = wait->by};
  if (wait->changed) recognised.owner.fate = OwnerFate::kInTransition;
  return recognised;
}

}  // namespace pstuck
