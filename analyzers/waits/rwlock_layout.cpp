#include "analyzers/waits/rwlock_layout.h"

#include "analyzers/waits/mutex_layout.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kWritePhase = 1;
constexpr std::uint32_t kWriteLocked = 2;
constexpr std::uint32_t kReaderShift = 3;
constexpr std::uint32_t kHandOver = 0x80000000;  // in `writers`
constexpr std::uint32_t kShared = 1;             // nptl/pthread_rwlock_init.c
constexpr std::uint32_t kMostFutex = 3;
constexpr std::uint32_t kLastPreference = 2;

// 1 while a writer has the lock; 2 is added when somebody sleeps on it.
bool is_held_futex(std::uint32_t futex) { return futex == 1 || futex == 3; }

bool in_write_phase(const RwlockBytes& rwlock) { return (rwlock.readers & kWritePhase) != 0; }

bool is_write_locked(const RwlockBytes& rwlock) { return (rwlock.readers & kWriteLocked) != 0; }

}  // namespace

bool is_plausible(const RwlockBytes& rwlock, std::size_t most_threads) {
  if (rwlock.shared > kShared || rwlock.flags > kLastPreference || rwlock.writer > kLastTid) {
    return false;
  }
  if (rwlock.padding != 0 || rwlock.elision != 0 || rwlock.more_padding != 0) return false;
  if (rwlock.write_phase_futex > kMostFutex || rwlock.writers_futex > kMostFutex) return false;
  if (rwlock.shared != 0) return true;
  return rwlock.readers >> kReaderShift <= most_threads &&
         (rwlock.writers & ~kHandOver) <= most_threads;
}

RwlockPhase find_phase(const RwlockBytes& rwlock) {
  if (in_write_phase(rwlock)) {
    const bool held = is_write_locked(rwlock) && rwlock.writer != 0;
    return held ? RwlockPhase::kWritten : RwlockPhase::kHandedOver;
  }
  return rwlock.readers >> kReaderShift != 0 ? RwlockPhase::kRead : RwlockPhase::kHandedOver;
}

RwlockState parse_state(const RwlockBytes& rwlock) {
  const bool waits_for_readers = is_write_locked(rwlock) && !in_write_phase(rwlock);
  return {.readers = in_write_phase(rwlock) ? 0 : rwlock.readers >> kReaderShift,
          .waiting_writers = (rwlock.writers & ~kHandOver) + (waits_for_readers ? 1U : 0U),
          .write_locked = find_phase(rwlock) == RwlockPhase::kWritten};
}

std::optional<Tid> find_writer(const RwlockBytes& rwlock, std::size_t most_threads) {
  if (!is_plausible(rwlock, most_threads) || find_phase(rwlock) != RwlockPhase::kWritten) {
    return std::nullopt;
  }
  if (!is_held_futex(rwlock.write_phase_futex) || !is_held_futex(rwlock.writers_futex)) {
    return std::nullopt;
  }
  // In a shared one threads of other processes may wait; but more than that it is none.
  if (rwlock.readers >> kReaderShift > most_threads ||
      (rwlock.writers & ~kHandOver) > most_threads || rwlock.end != 0) {
    return std::nullopt;
  }
  return Tid{static_cast<std::int32_t>(rwlock.writer)};
}

}  // namespace pstuck
