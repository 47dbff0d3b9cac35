// A mutex of musl (src/thread/pthread_mutex_timedlock.c, pthread_mutex_trylock.c):
//
//     mutex ──▶ +0   type      0 normal, 1 recursive, 2 error-checking; 4 robust, 8 inheriting,
//                              128 shared
//               +4   lock      the futex word: 0 free; of a normal one 16 (EBUSY); else the
//                              owner's tid; 0x40000000 owner died, 0x80000000 somebody waits
//               +8   waiters
//               +20  count     of a recursive one
//
//     futex(mutex + 4, FUTEX_WAIT, lock | 0x80000000)    inheriting: FUTEX_LOCK_PI
//
// So a normal mutex records nobody. When the kernel refuses to queue the thread for an inheriting
// one, since that would close a cycle, it sleeps for ever on a zero of its own stack; the mutex is
// then in a register that libc's frame has set.

#include <algorithm>

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kLockOffset = 4;
constexpr std::uint32_t kKindBits = 3;
constexpr std::uint32_t kRobust = 4;
constexpr std::uint32_t kInherit = 8;
constexpr std::uint32_t kShared = 128;
constexpr std::uint32_t kErrorCheck = 2;
constexpr std::uint32_t kBusy = 16;
constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kOwnerDied = 0x40000000;
constexpr std::uint32_t kOwnerBits = 0x3fffffff;
constexpr std::uint64_t kNearStackPointer = 1024;
constexpr std::size_t kSeenBytes = 8;  // how many wait may change

struct MuslMutex {
  std::uint32_t type;
  std::uint32_t lock;
  std::uint32_t waiters;
  std::uint32_t unused[2];
  std::uint32_t count;
};

static_assert(sizeof(MuslMutex) == 24);

bool records_owner(const MuslMutex& mutex) { return (mutex.type & 15U) != 0; }

bool is_plausible(const MuslMutex& mutex, std::size_t most_waiters) {
  if ((mutex.type & ~(kKindBits | kRobust | kInherit | kShared)) != 0) return false;
  if ((mutex.type & kKindBits) > kErrorCheck) return false;
  if (mutex.waiters > most_waiters && (mutex.type & kInherit) == 0) return false;
  const std::uint32_t owner = mutex.lock & kOwnerBits;
  return records_owner(mutex) ? owner <= kLastTid : owner == 0 || owner == kBusy;
}

bool call_agrees(const FutexCall& call, const MuslMutex& mutex) {
  if (call.process_private != ((mutex.type & kShared) == 0)) return false;
  if ((mutex.type & kInherit) != 0) return call.command == FutexCommand::kLockPi;
  if (call.command != FutexCommand::kWait || (call.value & kWaiters) == 0) return false;
  const std::uint32_t owner = call.value & kOwnerBits;
  return records_owner(mutex) ? owner != 0 && owner <= kLastTid : call.value == (kBusy | kWaiters);
}

// Without names: what would hardly be there by chance.
bool is_surely_a_mutex(const FutexSleeper& sleeper, const MuslMutex& mutex) {
  const bool counts_waiter = mutex.waiters != 0 || (mutex.type & kInherit) != 0;
  if (!counts_waiter || (mutex.lock & kWaiters) == 0) return false;
  if (!records_owner(mutex)) return mutex.lock == sleeper.call.value && mutex.count == 0;
  const Tid owner{static_cast<std::int32_t>(mutex.lock & kOwnerBits)};
  return sleeper.ids.find(owner).has_value();
}

MutexTraits traits_of(const MuslMutex& mutex) {
  constexpr MutexType kTypes[] = {MutexType::kNormal, MutexType::kRecursive,
                                  MutexType::kErrorCheck};
  const bool inherits = (mutex.type & kInherit) != 0;
  return {.type = kTypes[std::min(mutex.type & kKindBits, kErrorCheck)],
          .protocol = inherits ? MutexProtocol::kInherit : MutexProtocol::kNone,
          .robust = (mutex.type & kRobust) != 0,
          .process_shared = (mutex.type & kShared) != 0};
}

RecordedOwner owner_of(const MuslMutex& mutex) {
  const std::uint32_t owner = mutex.lock & kOwnerBits;
  if (owner == 0 || (mutex.lock & kOwnerDied) != 0) return {OwnerFate::kInTransition, {}};
  if (!records_owner(mutex)) return {OwnerFate::kNotRecorded, {}};
  return {OwnerFate::kThread, Tid{static_cast<std::int32_t>(owner)}};
}

RecognisedWait describe(const FutexSleeper& sleeper, Address at, const MuslMutex& mutex,
                        MuslPrimitive primitive) {
  const bool relocks = is_in_musl(sleeper, "pthread_cond_") || is_in_musl(sleeper, "cnd_");
  RecognisedWait wait{
      .resource = {.address = at, .mutex = traits_of(mutex), .seen = bytes_seen(mutex, kSeenBytes)},
      .kind = relocks ? WaitKind::kRelockAfterCondition : WaitKind::kLock,
      .by = recognised_in_musl(sleeper, primitive),
      .owner = owner_of(mutex)};
  wait.resource.process_shared = wait.resource.mutex->process_shared;
  if (wait.resource.mutex->type == MutexType::kRecursive) {
    wait.resource.recursion = mutex.count + 1;
  }
  return wait;
}

std::optional<MuslMutex> read_mutex(const FutexSleeper& sleeper, Address at) {
  if (at.value % 8 != 0) return std::nullopt;
  const auto mutex = sleeper.locks.memory().read_object<MuslMutex>(at);
  const std::size_t most_waiters = sleeper.snapshot.threads.size();
  return mutex && is_plausible(*mutex, most_waiters) ? mutex : std::nullopt;
}

// The kernel refused; see above.
std::optional<RecognisedWait> recognise_refused(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const auto sp = sleeper.thread.registers.stack_pointer();
  if (!sp || call.word - *sp >= kNearStackPointer || call.value != 0 || !is_musl_wait(call, true)) {
    return std::nullopt;
  }
  const auto& frames = sleeper.stack.frames;
  const auto outside = std::ranges::find_if(
      frames, [&](const Frame& frame) { return sleeper.frames.owner(frame) != FrameOwner::kLibc; });
  if (outside == frames.begin() || outside == frames.end()) return std::nullopt;
  const auto own = std::prev(outside);
  std::optional<RecognisedWait> found;
  for (std::size_t i = 0; i < own->callee_saved.size(); ++i) {
    const auto& value = own->callee_saved[i];
    const Address at{value.value_or(0)};
    if (!value || value == outside->callee_saved[i]) continue;
    const auto mutex = read_mutex(sleeper, at);
    if (!mutex || (mutex->type & kInherit) == 0 || (mutex->lock & kOwnerBits) == 0) continue;
    if (found && found->resource.address != at) return std::nullopt;
    found = describe(sleeper, at, *mutex, MuslPrimitive::kMutex);
  }
  return found;
}

}  // namespace

bool can_be_musl_mutex(const FutexSleeper& sleeper, Address at) {
  return at.value != 0 && read_mutex(sleeper, at).has_value();
}

std::optional<RecognisedWait> recognise_musl_mutex(const FutexSleeper& sleeper) {
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  const bool relocks = primitive == MuslPrimitive::kCondition;
  const bool named = primitive == MuslPrimitive::kMutex;
  if (!named && !relocks && primitive != MuslPrimitive::kUnnamed) return std::nullopt;
  const Address at = sleeper.call.word - kLockOffset;
  const auto mutex = read_mutex(sleeper, at);
  if (!mutex || !call_agrees(sleeper.call, *mutex)) {
    return named ? recognise_refused(sleeper) : std::nullopt;
  }
  if (!named && !is_surely_a_mutex(sleeper, *mutex)) return std::nullopt;
  return describe(sleeper, at, *mutex, primitive);
}

}  // namespace pstuck
