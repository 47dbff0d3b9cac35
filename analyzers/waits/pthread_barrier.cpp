// pthread_barrier_wait. Threads count themselves in and sleep until the round that they came in is
// over (glibc: sysdeps/nptl/internaltypes.h, struct pthread_barrier; nptl/pthread_barrier_wait.c,
// the same from 2.23 to 2.42):
//
//     +0   in       counts everybody who arrived, in this round and before
//     +4   round    `in` at the end of the last round: the futex, and the value that is expected
//     +8   count    how many make a round full
//     +12  shared   0, or 128 where other processes may arrive too
//     +16  out      counts everybody who has left
//
//     arrived = in - round          missing = count - arrived
//
// Nothing says who is missing. When nobody is, the round is about to end.

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kAlignment = 8;
constexpr std::uint32_t kShared = 128;
constexpr std::uint32_t kMostIn = 0x7fffffff;  // BARRIER_IN_THRESHOLD: half of what fits

struct BarrierBytes {
  std::uint32_t in;
  std::uint32_t round;
  std::uint32_t count;
  std::uint32_t shared;
  std::uint32_t out;
};

constexpr std::uint64_t kRoundOffset = offsetof(BarrierBytes, round);

bool agrees(const BarrierBytes& barrier, const FutexCall& call) {
  if (barrier.shared != 0 && barrier.shared != kShared) return false;
  if (call.process_private != (barrier.shared == 0)) return false;
  if (barrier.count < 2 || barrier.count > kMostIn || barrier.in < barrier.round) return false;
  return barrier.round % barrier.count == 0 && barrier.out <= barrier.in && barrier.in != 0;
}

// pthread_barrier_wait has two pointers in registers: to the futex word and to the barrier.
bool register_points_to(const Registers& registers, Address barrier) {
  for (std::size_t i = 0; i < Registers::kCount; ++i) {
    if (registers.get(i) == barrier.value) return true;
  }
  return false;
}

// The bytes and the registers alone, when no name speaks for a barrier. A lock of libc's own may
// lie at such a place, and expects 2.
bool is_surely_a_barrier(const FutexSleeper& sleeper, Address at, const BarrierBytes& barrier) {
  constexpr std::uint32_t kLocked = 2;
  const FutexCall& call = sleeper.call;
  return call.instruction != CallInstruction::kSyscallFunction && call.value != kLocked &&
         register_points_to(sleeper.thread.registers, at) && call.value == barrier.round &&
         barrier.in - barrier.round < barrier.count && barrier.in != barrier.round;
}

}  // namespace

std::optional<RecognisedWait> recognise_pthread_barrier(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const NamedWait& names = sleeper.names;
  if (sleeper.frames.libc() == LibcKind::kMusl || call.command != FutexCommand::kWait ||
      call.timed() || call.word.value % kAlignment != kRoundOffset ||
      names.rules_out(NameMeans::kBarrier)) {
    return std::nullopt;
  }
  const bool named = names.names(NameMeans::kBarrier);
  RecognisedWait wait{.resource = {.address = call.word - kRoundOffset},
                      .kind = WaitKind::kArrivals,
                      .by = names.best_name(NameMeans::kBarrier)};
  wait.resource.process_shared = !call.process_private;
  const auto barrier = sleeper.locks.memory().read_object<BarrierBytes>(wait.resource.address);
  if (!barrier) {
    wait.owner.fate = OwnerFate::kUnreadable;
    return named ? std::optional(wait) : std::nullopt;
  }
  if (!agrees(*barrier, call)) return std::nullopt;
  const bool sure = is_surely_a_barrier(sleeper, wait.resource.address, *barrier);
  if (!sure && !named) return std::nullopt;
  if (sure) wait.by = RecognisedBy::kRegisters;
  const std::uint32_t arrived = std::min(barrier->in - barrier->round, barrier->count);
  const std::uint32_t missing = barrier->count - arrived;
  wait.resource.parties = PartyCount{arrived, barrier->count, missing};
  wait.resource.seen = sleeper.locks.read_seen(wait.resource.address, sizeof *barrier);
  if (missing == 0 || call.value != barrier->round) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
