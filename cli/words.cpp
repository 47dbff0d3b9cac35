#include "cli/words.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "attach/syscalls.h"
#include "cli/function_names.h"

namespace pstuck {

std::string duration_words(std::chrono::nanoseconds duration) {
  const std::int64_t ns = duration.count();
  if (ns <= 0) return "0 ms";
  const std::int64_t us = ns / 1000;
  const std::int64_t ms = us / 1000;
  const std::int64_t s = ms / 1000;
  if (us < 100) return fmt::format("{} µs", us);
  if (ms < 10 && us % 1000 >= 100) return fmt::format("{}.{} ms", ms, us % 1000 / 100);
  if (s < 1) return fmt::format("{} ms", ms);
  if (s < 10 && ms % 1000 >= 100) return fmt::format("{}.{} s", s, ms % 1000 / 100);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d {}h", s / 86400, s % 86400 / 3600);
}

std::string_view verdict_word(FindingKind kind, Evidence evidence) {
  if (kind != FindingKind::kDeadlock) return "STUCK";
  return evidence == Evidence::kInferred ? "LIKELY DEADLOCK" : "DEADLOCK";
}

std::string size_words(std::uint64_t bytes) {
  if (bytes < 1024) return count_words(bytes, "byte", "bytes");
  const char* unit = "KMGTPE";
  std::uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
  for (; tenths >= 10240; tenths /= 1024) ++unit;
  if (tenths >= 100 || tenths % 10 == 0) return fmt::format("{} {}iB", tenths / 10, *unit);
  return fmt::format("{}.{} {}iB", tenths / 10, tenths % 10, *unit);
}

std::string date_words(std::chrono::nanoseconds realtime) {
  using std::chrono::system_clock;
  const system_clock::time_point at(std::chrono::duration_cast<system_clock::duration>(realtime));
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(system_clock::to_time_t(at)));
}

std::string count_words(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string_view verb_for(std::size_t count, std::string_view one, std::string_view many) {
  return count == 1 ? one : many;
}

std::string joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += separator;
    text += items[i];
  }
  return text;
}

std::string list_words(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

std::string id_words(const std::vector<Tid>& tids) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < tids.size() && i < kShown; ++i) {
    if (i > 0) text += ' ';
    text += fmt::format("{}", tids[i].value);
  }
  if (tids.size() > kShown) text += fmt::format(" +{}", tids.size() - kShown);
  return text;
}

std::string_view syscall_name(std::int64_t number) {
  const BlockingCall* const call = find_blocking_call(number);
  return call != nullptr ? call->name : std::string_view();
}

std::string syscall_words(std::int64_t number) {
  const std::string_view name = syscall_name(number);
  return name.empty() ? fmt::format("system call {}", number) : std::string(name);
}

std::string mutex_traits_words(const MutexTraits& traits) {
  std::vector<std::string> words;
  if (traits.process_shared) words.emplace_back("process-shared");
  if (traits.robust) words.emplace_back("robust");
  if (traits.protocol == MutexProtocol::kInherit) words.emplace_back("priority-inheritance");
  if (traits.protocol == MutexProtocol::kProtect) words.emplace_back("priority-protection");
  if (traits.type == MutexType::kRecursive) words.emplace_back("recursive");
  if (traits.type == MutexType::kErrorCheck) words.emplace_back("error-checking");
  if (traits.type == MutexType::kAdaptive) words.emplace_back("adaptive");
  return joined(words, " ");
}

std::string kind_words(const Resource& resource) {
  const std::string traits = mutex_traits_words(resource.mutex.value_or(MutexTraits{}));
  switch (resource.kind) {
    case ResourceKind::kMutex:
      return traits.empty() ? "mutex" : traits + " mutex";
    case ResourceKind::kRwlock:
      return "rwlock";
    case ResourceKind::kStdio:
      return "FILE lock";
    case ResourceKind::kSpinlock:
      return "spinlock";
    case ResourceKind::kSemaphore:
      return "semaphore";
    case ResourceKind::kOnce:
      return "once flag";
    case ResourceKind::kStaticGuard:
      return "guard of a static variable";
    case ResourceKind::kLibcLock:
      return "internal lock of libc";
    case ResourceKind::kLibraryLock:
      return "lock";
    case ResourceKind::kCondition:
      return "condition variable";
    case ResourceKind::kBarrier:
      return "barrier";
    case ResourceKind::kLatch:
      return "latch";
    case ResourceKind::kFuture:
      return "future";
    case ResourceKind::kAtomic:
      return "atomic";
    case ResourceKind::kThread:
      return "thread";
  }
  return "lock";
}

std::string lock_words(const Resource& resource) {
  constexpr std::size_t kWidestType = 64;
  if (resource.type.empty()) return kind_words(resource);
  const std::string type = fitted_function(resource.type, kWidestType);
  const std::string traits = mutex_traits_words(resource.mutex.value_or(MutexTraits{}));
  const bool told = traits.empty() || type.find("recursive") != std::string::npos;
  return told ? type : type + " " + traits;
}

std::string with_article(std::string_view words) {
  const bool vowel = words.starts_with("rw") ||
                     (!words.empty() && std::string_view("aeio").find(words[0]) != words.npos);
  return fmt::format("{} {}", vowel ? "an" : "a", words);
}

std::string verb_so_long(std::string_view one, std::string_view many, std::string_view perfect,
                         std::size_t threads, std::string_view lasted) {
  if (lasted.empty()) return std::string(verb_for(threads, one, many));
  return fmt::format("{} {} {}", verb_for(threads, "has", "have"), perfect, lasted);
}

std::string activity_words(Activity activity, std::int64_t syscall, std::size_t threads,
                           std::string_view lasted) {
  const auto verb = [&](std::string_view one, std::string_view many, std::string_view perfect) {
    return verb_so_long(one, many, perfect, threads, lasted);
  };
  const std::string in_call = syscall >= 0 ? " in " + syscall_words(syscall) : "";
  switch (activity) {
    case Activity::kWaits:
      return verb("waits", "wait", "waited");
    case Activity::kFutex:
      return verb("waits", "wait", "waited") + " in a futex call";
    case Activity::kIdle:
      return verb("waits", "wait", "waited") + " for work" + in_call;
    case Activity::kSleeps:
      return verb("sleeps", "sleep", "slept") + in_call;
    case Activity::kBlocked:
      return verb("is blocked", "are blocked", "been blocked") +
             (in_call.empty() ? " in the kernel" : in_call);
    case Activity::kUninterruptible:
      return verb("is", "are", "been") + " in uninterruptible sleep" + in_call;
    case Activity::kStopped:
      return verb("is stopped", "are stopped", "been stopped") + " by a signal or a tracer";
    case Activity::kRuns:
      return std::string(verb_for(threads, "runs", "run"));
    case Activity::kCrashed:
      return std::string(verb_for(threads, "has crashed", "have crashed"));
    case Activity::kEnded:
      return std::string(verb_for(threads, "has ended", "have ended"));
    case Activity::kUnknown:
      break;
  }
  return std::string(verb_for(threads, "does", "do")) + " something that pstuck could not see";
}

std::string task_words(char state, std::int64_t syscall) {
  switch (state) {
    case 'R':
      return "runs";
    case 'D':
      return "is in uninterruptible sleep";
    case 'T':
      return "is stopped by a signal";
    case 't':
      return "is stopped by a tracer";
    case 'Z':
    case 'X':
      return "has ended, or its first thread has";
    default:
      return syscall >= 0 ? "sleeps in " + syscall_words(syscall) : "sleeps";
  }
}

std::string_view state_words(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "uninterruptible sleep";
    case 'T':
      return "stopped by a signal";
    case 't':
      return "stopped by a tracer";
    case 'Z':
      return "ended, a zombie";
    case 'X':
      return "dead";
    case 'I':
      return "idle in the kernel";
    default:
      return "unknown";
  }
}

std::string owner_id_words(const Holder& holder) {
  return holder.recorded_id ? fmt::format("{}", holder.recorded_id->value) : "unknown";
}

std::string signal_words(int signal) {
  const char* const name = sigabbrev_np(signal);
  if (name == nullptr) return fmt::format("signal {}", signal);
  return fmt::format("SIG{}", name);
}

std::string_view fault_words(int signal, int code) {
  struct Fault {
    int signal;
    int code;
    std::string_view words;
  };
  constexpr std::array kFaults{
      Fault{SIGSEGV, SEGV_MAPERR, "not mapped"},
      Fault{SIGSEGV, SEGV_ACCERR, "not permitted"},
      Fault{SIGSEGV, SEGV_PKUERR, "not permitted by a protection key"},
      Fault{SIGSEGV, SI_KERNEL, "an address that cannot be, or a privileged instruction"},
      Fault{SIGBUS, BUS_ADRALN, "misaligned"},
      Fault{SIGBUS, BUS_ADRERR, "behind the end of its file, or no memory for it"},
      Fault{SIGBUS, BUS_MCEERR_AR, "broken memory"},
      Fault{SIGFPE, FPE_INTDIV, "integer division by zero"},
      Fault{SIGFPE, FPE_INTOVF, "integer overflow"},
      Fault{SIGFPE, FPE_FLTDIV, "division by zero"},
      Fault{SIGILL, ILL_ILLOPC, "illegal instruction"},
      Fault{SIGILL, ILL_ILLOPN, "illegal instruction"},
      Fault{SIGTRAP, TRAP_BRKPT, "breakpoint"},
  };
  const auto found = std::ranges::find_if(
      kFaults, [&](const Fault& fault) { return fault.signal == signal && fault.code == code; });
  return found == kFaults.end() ? std::string_view() : found->words;
}

std::string_view stack_end_words(StackEnd end) {
  switch (end) {
    case StackEnd::kRoot:
      return "the thread's first function";
    case StackEnd::kNoCfi:
      return "no unwind information";
    case StackEnd::kMemoryMissing:
      return "stack memory could not be read";
    case StackEnd::kLoop:
      return "the unwind information leads in a circle";
    case StackEnd::kFrameLimit:
      return "the limit of --max-frames";
    case StackEnd::kNotCaptured:
      return "no registers were captured";
  }
  return "unknown";
}

std::string_view capture_reason_words(CaptureReason reason) {
  switch (reason) {
    case CaptureReason::kNone:
      return "no reason is known";
    case CaptureReason::kStopNotWanted:
      return "it was looked at without a stop";
    case CaptureReason::kStopWouldDisturb:
      return "a stop would have interrupted the system call";
    case CaptureReason::kUninterruptible:
      return "no stop takes effect in uninterruptible sleep";
    case CaptureReason::kDidNotStop:
      return "did not stop in time";
    case CaptureReason::kRuns:
      return "was running and could not be stopped";
    case CaptureReason::kStopRefused:
      return "the kernel refused to let pstuck trace it";
    case CaptureReason::kExited:
      return "exited meanwhile";
    case CaptureReason::kZombie:
      return "had ended already";
  }
  return "no reason is known";
}

}  // namespace pstuck
