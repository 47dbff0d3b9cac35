// A rwlock of musl (src/thread/pthread_rwlock_timedrdlock.c, _timedwrlock.c):
//
//     rwlock ──▶ +0  lock      the futex word: readers, or 0x7fffffff for a writer; 0x80000000
//                              somebody waits
//                +4  waiters   readers and writers alike
//                +8  shared    0, or 128: then the futex is not private
//
// It records neither the writer nor the readers.

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kWriter = 0x7fffffff;
constexpr std::uint32_t kShared = 128;

struct MuslRwlock {
  std::uint32_t lock;
  std::uint32_t waiters;
  std::uint32_t shared;
};

bool is_plausible(const FutexSleeper& sleeper, const MuslRwlock& rwlock) {
  const std::size_t most = sleeper.snapshot.threads.size();
  const bool shared = rwlock.shared == kShared;
  if (rwlock.waiters > most || (rwlock.shared != 0 && !shared)) return false;
  return is_musl_wait(sleeper.call, !shared) && (sleeper.call.value & kWaiters) != 0 &&
         (sleeper.call.value & kWriter) != 0;
}

WaitKind kind_of(const FutexSleeper& sleeper) {
  if (is_in_musl(sleeper, "wrlock")) return WaitKind::kWriteLock;
  if (is_in_musl(sleeper, "rdlock")) return WaitKind::kReadLock;
  // Only a writer waits for readers.
  return sleeper.call.value == (kWaiters | kWriter) ? WaitKind::kLock : WaitKind::kWriteLock;
}

}  // namespace

std::optional<RecognisedWait> recognise_musl_rwlock(const FutexSleeper& sleeper) {
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  const bool named = primitive == MuslPrimitive::kRwlock;
  if (!named && primitive != MuslPrimitive::kUnnamed) return std::nullopt;
  const Address at = sleeper.call.word;
  const auto rwlock =
      at.value % 8 == 0 ? sleeper.locks.memory().read_object<MuslRwlock>(at) : std::nullopt;
  if (!rwlock || !is_plausible(sleeper, *rwlock)) return std::nullopt;
  // A lock of libc's own that is taken looks like one with readers.
  const bool sure = rwlock->waiters != 0 && rwlock->lock == (kWaiters | kWriter);
  if (!named && !sure) return std::nullopt;
  const std::uint32_t count = rwlock->lock & kWriter;
  RecognisedWait wait{.resource = {.address = at,
                                   .rwlock = RwlockState{.readers = count == kWriter ? 0 : count,
                                                         .write_locked = count == kWriter},
                                   .process_shared = rwlock->shared != 0,
                                   .seen = bytes_seen(*rwlock, sizeof rwlock->lock)},
                      .kind = kind_of(sleeper),
                      .by = recognised_in_musl(sleeper, primitive)};
  if (count == 0) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
