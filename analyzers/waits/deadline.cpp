#include "analyzers/waits/deadline.h"

#include <limits>

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

struct Timespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

constexpr std::int64_t kNanosecondsASecond = 1'000'000'000;

std::optional<nanoseconds> to_duration(const Timespec& time) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= kNanosecondsASecond) {
    return std::nullopt;
  }
  // Programs write "for ever" as the largest time_t.
  if (time.seconds >= kMax / kNanosecondsASecond) return nanoseconds(kMax);
  return nanoseconds(time.seconds * kNanosecondsASecond + time.nanoseconds);
}

nanoseconds minus(nanoseconds a, nanoseconds b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a.count(), b.count(), &difference)) return nanoseconds(difference);
  return a.count() < 0 ? nanoseconds::min() : nanoseconds::max();
}

nanoseconds plus(nanoseconds a, nanoseconds b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a.count(), b.count(), &sum)) return nanoseconds(sum);
  return a.count() < 0 ? nanoseconds::min() : nanoseconds::max();
}

// FUTEX_LOCK_PI knows the real-time clock only; the others say which (kernel/futex/syscalls.c).
bool uses_realtime(const FutexCall& call) {
  return call.realtime || call.command == FutexCommand::kLockPi;
}

// A plain FUTEX_WAIT counts from when it began, which is when the thread last ran; where that is
// not known, counting from the capture gives the latest time. A core has no clock to count from.
Deadline from_relative(nanoseconds length, const ThreadSnapshot& thread, const Snapshot& snapshot) {
  if (!snapshot.monotonic) return {.at = length};
  const nanoseconds passed = thread.not_run_for.value_or(nanoseconds(0));
  const nanoseconds remaining = minus(length, passed);
  return {.at = plus(*snapshot.monotonic, remaining), .remaining = remaining};
}

}  // namespace

std::optional<Deadline> read_deadline(const FutexCall& call, const ThreadSnapshot& thread,
                                      const Snapshot& snapshot, Memory& memory) {
  if (!call.timed()) return std::nullopt;
  const auto time = memory.read_object<Timespec>(call.timeout);
  const auto at = time ? to_duration(*time) : std::nullopt;
  if (!at) return std::nullopt;
  if (call.command == FutexCommand::kWait) return from_relative(*at, thread, snapshot);
  Deadline deadline{.realtime = uses_realtime(call), .at = *at};
  const auto& now = deadline.realtime ? snapshot.realtime : snapshot.monotonic;
  if (now) deadline.remaining = minus(*at, *now);
  return deadline;
}

}  // namespace pstuck
