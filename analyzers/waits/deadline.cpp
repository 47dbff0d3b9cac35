#include "analyzers/waits/deadline.h"

#include <sys/syscall.h>

#include <algorithm>
#include <ctime>
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
Deadline from_relative(nanoseconds length, std::optional<nanoseconds> passed,
                       const Snapshot& snapshot) {
  if (!snapshot.monotonic) return {.at = length};
  const nanoseconds remaining = minus(length, passed.value_or(nanoseconds(0)));
  return {.at = plus(*snapshot.monotonic, remaining), .remaining = remaining};
}

Deadline at_time(nanoseconds at, bool realtime, const Snapshot& snapshot) {
  Deadline deadline{.realtime = realtime, .at = at};
  const auto& now = realtime ? snapshot.realtime : snapshot.monotonic;
  if (now) deadline.remaining = minus(at, *now);
  return deadline;
}

enum class LimitForm {
  kMilliseconds,  ///< the argument itself, an int; negative: for ever
  kTimespec,      ///< the address of one; 0: for ever
  kTimeval,
  kRealtimeTimespec,  ///< of when it ends
};

struct LimitedCall {
  std::int64_t number;
  std::size_t argument;
  LimitForm form;
  bool writes_rest = false;  ///< when a stop ends it, before it begins anew: fs/select.c
};

constexpr LimitedCall kLimitedCalls[] = {
    {SYS_poll, 2, LimitForm::kMilliseconds},
    {SYS_epoll_wait, 3, LimitForm::kMilliseconds},
    {SYS_epoll_pwait, 3, LimitForm::kMilliseconds},
    {SYS_epoll_pwait2, 3, LimitForm::kTimespec},
    {SYS_ppoll, 2, LimitForm::kTimespec, true},
    {SYS_select, 4, LimitForm::kTimeval, true},
    {SYS_pselect6, 4, LimitForm::kTimespec, true},
    {SYS_nanosleep, 0, LimitForm::kTimespec},
    {SYS_clock_nanosleep, 2, LimitForm::kTimespec},
    {SYS_rt_sigtimedwait, 2, LimitForm::kTimespec},
    {SYS_semtimedop, 3, LimitForm::kTimespec},
    {SYS_mq_timedsend, 4, LimitForm::kRealtimeTimespec},
    {SYS_mq_timedreceive, 4, LimitForm::kRealtimeTimespec},
};

std::optional<nanoseconds> read_limit(const LimitedCall& call, std::uint64_t argument,
                                      Memory& memory) {
  if (call.form == LimitForm::kMilliseconds) {
    const auto length = static_cast<std::int32_t>(static_cast<std::uint32_t>(argument));
    return length < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(length));
  }
  if (argument == 0) return std::nullopt;
  auto time = memory.read_object<Timespec>({argument});
  if (!time) return std::nullopt;
  if (call.form == LimitForm::kTimeval) {
    constexpr std::int64_t kNanosecondsAMicrosecond = 1000;
    if (time->nanoseconds < 0 || time->nanoseconds >= 1'000'000) return std::nullopt;
    time->nanoseconds *= kNanosecondsAMicrosecond;
  }
  return to_duration(*time);
}

}  // namespace

std::optional<Deadline> read_call_deadline(std::int64_t number, const ThreadSnapshot& thread,
                                           const Snapshot& snapshot, Memory& memory) {
  const auto* const call = std::ranges::find(kLimitedCalls, number, &LimitedCall::number);
  if (call == std::end(kLimitedCalls)) return std::nullopt;
  const auto& arguments = thread.syscall.arguments;
  const auto limit = read_limit(*call, arguments[call->argument], memory);
  if (!limit) return std::nullopt;
  if (number == SYS_clock_nanosleep) {
    // Of the other clocks it is not known how far they are.
    const bool realtime = arguments[0] == CLOCK_REALTIME;
    if (!realtime && arguments[0] != CLOCK_MONOTONIC) return std::nullopt;
    if ((arguments[1] & TIMER_ABSTIME) != 0) return at_time(*limit, realtime, snapshot);
  }
  if (call->form == LimitForm::kRealtimeTimespec) return at_time(*limit, true, snapshot);
  const bool was_written = call->writes_rest && thread.capture == CaptureWay::kStopped;
  return from_relative(*limit, was_written ? std::nullopt : thread.not_run_for, snapshot);
}

Deadline deadline_after(nanoseconds length, const ThreadSnapshot& thread,
                        const Snapshot& snapshot) {
  return from_relative(length, thread.not_run_for, snapshot);
}

std::optional<Deadline> read_deadline(const FutexCall& call, const ThreadSnapshot& thread,
                                      const Snapshot& snapshot, Memory& memory) {
  if (!call.timed()) return std::nullopt;
  const auto time = memory.read_object<Timespec>(call.timeout);
  const auto at = time ? to_duration(*time) : std::nullopt;
  if (!at) return std::nullopt;
  if (call.command == FutexCommand::kWait) return from_relative(*at, thread.not_run_for, snapshot);
  return at_time(*at, uses_realtime(call), snapshot);
}

}  // namespace pstuck
