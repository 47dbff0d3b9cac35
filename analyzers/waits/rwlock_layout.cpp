#include "analyzers/waits/rwlock_layout.h"

#include "analyzers/waits/mutex_layout.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kWritePhase = 1;
constexpr std::uint32_t kWriteLocked = 2;
constexpr std::uint32_t kReaderShift = 3;
constexpr std::uint32_t kHandOver = 0x80000000;  // in `writers`
constexpr std::uint32_t kShared = 0x80;
constexpr std::uint32_t kLastPreference = 2;

// 1 while a writer has the lock; 2 is added when somebody sleeps on it.
bool is_held_futex(std::uint32_t futex) { return futex == 1 || futex == 3; }

}  // namespace

std::optional<Tid> find_writer(const RwlockBytes& rwlock, std::size_t most_threads) {
  if (rwlock.writer == 0 || rwlock.writer > kLastTid) return std::nullopt;
  if ((rwlock.readers & kWritePhase) == 0 || (rwlock.readers & kWriteLocked) == 0) {
    return std::nullopt;
  }
  if (!is_held_futex(rwlock.write_phase_futex) || !is_held_futex(rwlock.writers_futex)) {
    return std::nullopt;
  }
  if (rwlock.readers >> kReaderShift > most_threads ||
      (rwlock.writers & ~kHandOver) > most_threads) {
    return std::nullopt;
  }
  if (rwlock.shared != 0 && rwlock.shared != kShared) return std::nullopt;
  if (rwlock.padding != 0 || rwlock.elision != 0 || rwlock.more_padding != 0 ||
      rwlock.flags > kLastPreference || rwlock.end != 0) {
    return std::nullopt;
  }
  return Tid{static_cast<std::int32_t>(rwlock.writer)};
}

}  // namespace pstuck
