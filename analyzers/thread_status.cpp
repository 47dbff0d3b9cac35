#include "analyzers/thread_status.h"

#include <map>

#include "analyzers/collect_waits.h"
#include "analyzers/waits/futex_call.h"
#include "attach/syscalls.h"

namespace pstuck {
namespace {

Activity activity_in(std::int64_t syscall) {
  if (syscall == kFutexCall) return Activity::kFutex;
  const BlockingCall* call = find_blocking_call(syscall);
  if (call == nullptr) return Activity::kBlocked;
  if (call->idles) return Activity::kIdle;
  return call->act == CallAct::kSleep ? Activity::kSleeps : Activity::kBlocked;
}

// gcore stops the process that it dumps, so a core's state letter can be the dump's own doing.
bool is_stopped(const ThreadSnapshot& thread, TargetKind target) {
  return target == TargetKind::kLive && (thread.state == 'T' || thread.state == 't');
}

Activity activity_of(const ThreadSnapshot& thread, TargetKind target, std::int64_t syscall) {
  if (has_ended(thread)) return Activity::kEnded;
  if (is_stopped(thread, target)) return Activity::kStopped;
  if (thread.state == 'D') return Activity::kUninterruptible;
  switch (thread.syscall.state) {
    case SyscallState::kInSyscall:
      return syscall >= 0 ? activity_in(syscall) : Activity::kBlocked;
    case SyscallState::kUserMode:
    case SyscallState::kReturned:
      return Activity::kRuns;
    case SyscallState::kUnknown:
      break;
  }
  return thread.state == 'R' ? Activity::kRuns : Activity::kUnknown;
}

// A signal from outside can find the thread in any wait.
bool has_crashed(const ThreadSnapshot& thread, const Snapshot& snapshot) {
  if (!snapshot.core || !snapshot.core->crash) return false;
  const CrashFacts& crash = *snapshot.core->crash;
  return crash.thread == thread.tid &&
         (crash.cause == CrashCause::kFault || crash.cause == CrashCause::kRaised);
}

}  // namespace

bool has_ended(const ThreadSnapshot& thread) {
  return thread.state == 'Z' || thread.state == 'X' ||
         thread.capture_reason == CaptureReason::kExited ||
         thread.capture_reason == CaptureReason::kZombie;
}

std::vector<ThreadStatus> describe_threads(const Snapshot& snapshot, const Stacks& stacks,
                                           const ProgramFrames& frames, Memory& memory) {
  std::map<std::vector<std::size_t>, std::size_t> numbers;
  std::vector<ThreadStatus> threads;
  threads.reserve(snapshot.threads.size());
  for (ThreadIndex i = 0; i < snapshot.threads.size(); ++i) {
    const ThreadSnapshot& thread = snapshot.threads[i];
    const Stack& stack = stack_of(stacks, i);
    ThreadStatus status{.frame = frames.innermost(stack), .functions = frames.functions(stack)};
    status.syscall = find_syscall_number(thread, memory).value_or(-1);
    status.activity = has_crashed(thread, snapshot)
                          ? Activity::kCrashed
                          : activity_of(thread, snapshot.kind, status.syscall);
    std::vector<std::size_t> ids;
    for (const std::size_t location : status.functions) ids.push_back(frames.function_id(location));
    status.alike = numbers.try_emplace(std::move(ids), numbers.size()).first->second;
    threads.push_back(std::move(status));
  }
  return threads;
}

void attach_waits(const std::vector<Wait>& waits, std::vector<ThreadStatus>& threads) {
  for (WaitIndex i = 0; i < waits.size(); ++i) {
    threads[waits[i].thread].wait = i;
    threads[waits[i].thread].activity = Activity::kWaits;
  }
}

}  // namespace pstuck
