// pthread_rwlock_rdlock, _wrlock and their timed forms, as glibc has them since 2.25. A thread
// sleeps on one of three words of the rwlock, and where it lies and what value it expects tells
// which (nptl/pthread_rwlock_common.c; measured on 2.36):
//
//     word                   expects    who sleeps
//     +8  write_phase_futex  3          a reader, until the write phase is over
//     +8  write_phase_futex  2          the first writer, until the last reader has left
//     +12 writers_futex      3          another writer, until the first one is through
//     +0  readers            … 110      a reader of a rwlock that puts writers first
//
// A rwlock begins at a multiple of 8, so word and value alone say where it must begin. All its
// fields are then put to the test, and the names must not speak against it. The command is always
// WAIT_BITSET, by the real-time clock where there is no time limit; no other wait of libc has these
// commands and values.
//
// The writer is recorded. Readers are only counted, and in a write phase those that are counted
// wait. A rwlock that is just changing hands has nobody.

#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/rwlock_layout.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kAlignment = 8;
constexpr std::uint64_t kWritePhaseOffset = offsetof(RwlockBytes, write_phase_futex);
constexpr std::uint64_t kWritersOffset = offsetof(RwlockBytes, writers_futex);

enum class Role { kReader, kFirstWriter, kOtherWriter, kPoliteReader };

struct Candidate {
  Address rwlock;
  Role role = Role::kReader;
};

// Bits of the `readers` word that a polite reader sleeps on: no write phase, locked, RWAITING.
bool is_polite_value(std::uint32_t value) { return (value & 7) == 6 && value >> 3 != 0; }

std::optional<Candidate> find_candidate(const FutexCall& call) {
  constexpr std::uint32_t kHeldAndUsed = 3;
  constexpr std::uint32_t kReadAndUsed = 2;
  if (call.command != FutexCommand::kWaitBitset || (!call.timed() && !call.realtime)) {
    return std::nullopt;
  }
  if (call.word.value % kAlignment == 4) {
    if (call.value != kHeldAndUsed) return std::nullopt;
    return Candidate{call.word - kWritersOffset, Role::kOtherWriter};
  }
  const Address by_phase = call.word - kWritePhaseOffset;
  if (call.value == kHeldAndUsed) return Candidate{by_phase, Role::kReader};
  if (call.value == kReadAndUsed) return Candidate{by_phase, Role::kFirstWriter};
  if (is_polite_value(call.value)) return Candidate{call.word, Role::kPoliteReader};
  return std::nullopt;
}

WaitKind kind_of(Role role) {
  const bool reads = role == Role::kReader || role == Role::kPoliteReader;
  return reads ? WaitKind::kReadLock : WaitKind::kWriteLock;
}

bool agrees(const FutexSleeper& sleeper, const RwlockBytes& rwlock) {
  return is_plausible(rwlock, sleeper.snapshot.threads.size() + 1) &&
         sleeper.call.process_private == (rwlock.shared == 0);
}

// Whether it is held in the way that makes a thread in this role sleep. Else it is on its way out.
bool sleeps_for_good(const RwlockBytes& rwlock, Role role, RwlockPhase phase) {
  switch (role) {
    case Role::kReader:
      return phase == RwlockPhase::kWritten;
    case Role::kFirstWriter:
    case Role::kPoliteReader:
      return phase == RwlockPhase::kRead;
    case Role::kOtherWriter:
      return phase != RwlockPhase::kHandedOver && (rwlock.writers_futex & 1) != 0;
  }
  return false;
}

// The bytes and the code alone, when no name speaks for a rwlock.
bool is_surely_a_rwlock(const FutexSleeper& sleeper, const RwlockBytes& rwlock, Role role) {
  const RwlockPhase phase = find_phase(rwlock);
  if (sleeper.call.instruction != CallInstruction::kNamesCall ||
      !sleeps_for_good(rwlock, role, phase)) {
    return false;
  }
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(sleeper.call.word);
  return word == sleeper.call.value;
}

RecordedOwner owner_of(const RwlockBytes& rwlock, Role role) {
  const RwlockPhase phase = find_phase(rwlock);
  if (!sleeps_for_good(rwlock, role, phase)) return {OwnerFate::kInTransition, std::nullopt};
  if (phase == RwlockPhase::kRead) return {OwnerFate::kNotRecorded, std::nullopt};
  return {OwnerFate::kThread, Tid{static_cast<std::int32_t>(rwlock.writer)}};
}

}  // namespace

std::optional<RecognisedWait> recognise_pthread_rwlock(const FutexSleeper& sleeper) {
  const NamedWait& names = sleeper.names;
  const auto candidate = find_candidate(sleeper.call);
  if (!candidate || sleeper.frames.libc() == LibcKind::kMusl ||
      names.rules_out(NameMeans::kRwlock)) {
    return std::nullopt;
  }
  const bool named = names.names(NameMeans::kRwlock);
  RecognisedWait wait{.resource = {.address = candidate->rwlock},
                      .kind = kind_of(candidate->role),
                      .by = names.best_name(NameMeans::kRwlock)};
  wait.resource.process_shared = !sleeper.call.process_private;
  const auto rwlock = sleeper.locks.memory().read_object<RwlockBytes>(candidate->rwlock);
  if (!rwlock) {
    wait.owner.fate = OwnerFate::kUnreadable;
    return named ? std::optional(wait) : std::nullopt;
  }
  if (!agrees(sleeper, *rwlock)) return std::nullopt;
  const bool sure = is_surely_a_rwlock(sleeper, *rwlock, candidate->role);
  if (!sure && !named) return std::nullopt;
  if (sure) wait.by = RecognisedBy::kRegisters;
  wait.resource.rwlock = parse_state(*rwlock);
  wait.resource.seen = sleeper.locks.read_seen(candidate->rwlock, sizeof *rwlock);
  wait.owner = owner_of(*rwlock, candidate->role);
  return wait;
}

}  // namespace pstuck
