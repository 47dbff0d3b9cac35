// pthread_mutex_lock, _timedlock and _clocklock, and the locking again after a condition wait. The
// futex is the first word of the mutex. Three things must agree: the registers of the call, the
// bytes of the mutex, and the names on the stack, as far as there are any.
//
//     kind of mutex      command              value                 (glibc 2.36, measured)
//     plain, timed       WAIT, WAIT_BITSET    2
//     protect            WAIT, WAIT_BITSET    ceiling << 19 | 2
//     robust             WAIT, WAIT_BITSET    owner | 0x80000000    never private
//     inherit            LOCK_PI, LOCK_PI2    ignored
//
// The registers and the value 2 alone are also those of a lock inside malloc or stdio, of a GMutex
// and, but for WAIT_BITSET without a timeout, of Rust's std::sync::Mutex. So without a name the
// bytes must show a mutex that is held by a thread of the target, or the code must show that it is
// libc that sleeps here; a mutex that is just being handed over is then left unclaimed.

#include "analyzers/waits/recogniser.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kTidBits = 0x3fffffff;
constexpr std::uint32_t kHeldWithWaiters = 2;
constexpr std::uint32_t kCeilingShift = 19;
constexpr std::uint32_t kWithoutCeiling = (1U << kCeilingShift) - 1;

bool is_pi(FutexCommand command) {
  return command == FutexCommand::kLockPi || command == FutexCommand::kLockPi2;
}

// Only the timed variants use WAIT_BITSET; Rust's mutex uses it always.
bool is_plain_wait(const FutexCall& call) {
  return call.command == FutexCommand::kWait ||
         (call.command == FutexCommand::kWaitBitset && call.timed());
}

bool is_robust_value(std::uint32_t value) {
  return (value & kWaiters) != 0 && (value & ~kWaiters) != 0 && (value & ~kWaiters) <= kLastTid;
}

bool call_agrees(const FutexCall& call, const MutexHead& head, const MutexTraits& traits) {
  if (traits.protocol == MutexProtocol::kInherit) return is_pi(call.command);
  if (!is_plain_wait(call)) return false;
  if (traits.robust) return !call.process_private && is_robust_value(call.value);
  if (call.process_private == traits.process_shared) return false;
  if (traits.protocol == MutexProtocol::kNone) return call.value == kHeldWithWaiters;
  return (call.value & kWithoutCeiling) == kHeldWithWaiters &&
         call.value >> kCeilingShift == head.lock >> kCeilingShift;
}

// The bytes and the code alone, when no name speaks for a mutex.
bool is_surely_a_mutex(const FutexSleeper& sleeper, const MutexBytes& mutex,
                       const MutexTraits& traits) {
  if (sleeper.call.instruction == CallInstruction::kSyscallFunction) return false;
  const MutexOwner owner = find_owner(mutex.head, traits);
  const std::size_t most_users = sleeper.snapshot.threads.size() + 1;
  if (owner.state != MutexOwner::State::kHeld) return false;
  if (mutex.head.nusers == 0 || mutex.head.nusers > most_users) return false;
  return sleeper.ids.find(owner.id) || sleeper.call.instruction == CallInstruction::kNamesCall;
}

// A mutex in memory that cannot be read, as in a core without its shared mappings: the name says
// that it is one, and the futex value of a robust one names the owner.
std::optional<RecognisedWait> recognise_unreadable(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const bool robust = !call.process_private && is_robust_value(call.value);
  const bool plain = call.value == kHeldWithWaiters;
  if (!sleeper.names.names_mutex()) return std::nullopt;
  if (!is_pi(call.command) && !(is_plain_wait(call) && (plain || robust))) return std::nullopt;
  RecognisedWait wait{.resource = {.address = call.word},
                      .owner = {.fate = OwnerFate::kUnreadable}};
  if (robust && !is_pi(call.command)) {
    wait.owner = {OwnerFate::kThread, Tid{static_cast<std::int32_t>(call.value & kTidBits)}};
  }
  return wait;
}

RecordedOwner to_recorded(const MutexOwner& owner) {
  switch (owner.state) {
    case MutexOwner::State::kHeld:
      return {OwnerFate::kThread, owner.id};
    case MutexOwner::State::kHandedOver:
      return {OwnerFate::kInTransition, std::nullopt};
    case MutexOwner::State::kNotRecorded:
      break;
  }
  return {OwnerFate::kNotRecorded, std::nullopt};
}

WaitKind kind_of(const NamedWait& names) {
  return names.under_condition ? WaitKind::kRelockAfterCondition : WaitKind::kLock;
}

}  // namespace

RecognisedWait describe_mutex_wait(const FutexSleeper& sleeper, Address address,
                                   const MutexBytes& mutex, const MutexTraits& traits) {
  RecognisedWait wait{.resource = {.address = address, .mutex = traits},
                      .kind = kind_of(sleeper.names)};
  if (traits.robust) {
    const Mapping* mapping = find_mapping(sleeper.snapshot, address);
    wait.resource.mutex->process_shared = mapping != nullptr && mapping->shared;
  }
  if (traits.type == MutexType::kRecursive) wait.resource.recursion = mutex.head.count;
  wait.owner = to_recorded(find_owner(mutex.head, traits));
  return wait;
}

std::optional<RecognisedWait> recognise_pthread_mutex(const FutexSleeper& sleeper) {
  if (sleeper.frames.libc() == LibcKind::kMusl || sleeper.names.rules_out_mutex() ||
      sleeper.call.word.value % kMutexAlignment != 0) {
    return std::nullopt;
  }
  const auto mutex = sleeper.locks.read_mutex(sleeper.call.word);
  if (!mutex) return recognise_unreadable(sleeper);
  const auto traits = parse_mutex_kind(mutex->head.kind);
  if (!traits || !is_plausible(*mutex, *traits) ||
      !call_agrees(sleeper.call, mutex->head, *traits)) {
    return std::nullopt;
  }
  RecognisedWait wait = describe_mutex_wait(sleeper, sleeper.call.word, *mutex, *traits);
  if (is_surely_a_mutex(sleeper, *mutex, *traits)) return wait;
  if (!sleeper.names.names_mutex()) return std::nullopt;
  wait.by = sleeper.names.best_name(NameMeans::kMutex);
  return wait;
}

}  // namespace pstuck
