#include "cli/json_words.h"

namespace pstuck {

std::string_view json_word(TargetKind kind) {
  switch (kind) {
    case TargetKind::kLive:
      return "live";
    case TargetKind::kCore:
      return "core";
  }
  return {};
}

std::string_view json_word(CaptureWay way) {
  switch (way) {
    case CaptureWay::kStopped:
      return "stopped";
    case CaptureWay::kFromCore:
      return "from_core";
    case CaptureWay::kReadWithoutStop:
      return "read_without_stop";
    case CaptureWay::kNotCaptured:
      return "not_captured";
  }
  return {};
}

std::string_view json_word(CaptureReason reason) {
  switch (reason) {
    case CaptureReason::kNone:
      return "none";
    case CaptureReason::kStopNotWanted:
      return "stop_not_wanted";
    case CaptureReason::kStopWouldDisturb:
      return "stop_would_disturb";
    case CaptureReason::kUninterruptible:
      return "uninterruptible";
    case CaptureReason::kDidNotStop:
      return "did_not_stop";
    case CaptureReason::kStopRefused:
      return "stop_refused";
    case CaptureReason::kRuns:
      return "runs";
    case CaptureReason::kExited:
      return "exited";
    case CaptureReason::kZombie:
      return "zombie";
  }
  return {};
}

std::string_view json_word(BlindSpotKind kind) {
  switch (kind) {
    case BlindSpotKind::kModuleFileMissing:
      return "module_file_missing";
    case BlindSpotKind::kBuildIdMismatch:
      return "build_id_mismatch";
    case BlindSpotKind::kBuildIdUnknown:
      return "build_id_unknown";
    case BlindSpotKind::kCoreTruncated:
      return "core_truncated";
    case BlindSpotKind::kCoreDamaged:
      return "core_damaged";
    case BlindSpotKind::kOtherMachine:
      return "other_machine";
    case BlindSpotKind::kThreadsKeptAppearing:
      return "threads_kept_appearing";
    case BlindSpotKind::kMemoryMapUnreadable:
      return "memory_map_unreadable";
    case BlindSpotKind::kMemoryNotSearched:
      return "memory_not_searched";
    case BlindSpotKind::kMemorySwappedOut:
      return "memory_swapped_out";
    case BlindSpotKind::kHeldLocksDoubted:
      return "held_locks_doubted";
  }
  return {};
}

std::string_view json_word(StackEnd end) {
  switch (end) {
    case StackEnd::kRoot:
      return "root";
    case StackEnd::kNoCfi:
      return "no_cfi";
    case StackEnd::kMemoryMissing:
      return "memory_missing";
    case StackEnd::kLoop:
      return "loop";
    case StackEnd::kFrameLimit:
      return "frame_limit";
    case StackEnd::kNotCaptured:
      return "not_captured";
  }
  return {};
}

std::string_view json_word(Evidence evidence) {
  switch (evidence) {
    case Evidence::kRecorded:
      return "recorded";
    case Evidence::kInferred:
      return "inferred";
    case Evidence::kUnknown:
      return "unknown";
  }
  return {};
}

std::string_view json_word(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kMutex:
      return "mutex";
    case ResourceKind::kRwlock:
      return "rwlock";
    case ResourceKind::kStdio:
      return "stdio";
    case ResourceKind::kSpinlock:
      return "spinlock";
    case ResourceKind::kSemaphore:
      return "semaphore";
    case ResourceKind::kOnce:
      return "once";
    case ResourceKind::kStaticGuard:
      return "static_guard";
    case ResourceKind::kLibcLock:
      return "libc_lock";
    case ResourceKind::kLibraryLock:
      return "library_lock";
    case ResourceKind::kCondition:
      return "condition";
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
  return {};
}

std::string_view json_word(NamedBy how) {
  switch (how) {
    case NamedBy::kNothing:
      return "nothing";
    case NamedBy::kVariable:
      return "variable";
    case NamedBy::kFrameObject:
      return "frame_object";
    case NamedBy::kSymbol:
      return "symbol";
    case NamedBy::kObjectClass:
      return "object_class";
  }
  return {};
}

std::string_view json_word(MutexType type) {
  switch (type) {
    case MutexType::kNormal:
      return "normal";
    case MutexType::kRecursive:
      return "recursive";
    case MutexType::kErrorCheck:
      return "error_check";
    case MutexType::kAdaptive:
      return "adaptive";
  }
  return {};
}

std::string_view json_word(MutexProtocol protocol) {
  switch (protocol) {
    case MutexProtocol::kNone:
      return "none";
    case MutexProtocol::kInherit:
      return "inherit";
    case MutexProtocol::kProtect:
      return "protect";
  }
  return {};
}

std::string_view json_word(OwnerFate fate) {
  switch (fate) {
    case OwnerFate::kThread:
      return "thread";
    case OwnerFate::kInTransition:
      return "in_transition";
    case OwnerFate::kExited:
      return "exited";
    case OwnerFate::kForkInherited:
      return "fork_inherited";
    case OwnerFate::kOtherProcess:
      return "other_process";
    case OwnerFate::kRecycled:
      return "recycled";
    case OwnerFate::kOtherNamespace:
      return "other_namespace";
    case OwnerFate::kNotRecorded:
      return "not_recorded";
    case OwnerFate::kUnreadable:
      return "unreadable";
  }
  return {};
}

std::string_view json_word(OwnerGap::Kind kind) {
  switch (kind) {
    case OwnerGap::Kind::kNoMember:
      return "no_member";
    case OwnerGap::Kind::kNoTable:
      return "no_table";
    case OwnerGap::Kind::kNoThread:
      return "no_thread";
  }
  return {};
}

std::string_view json_word(Part part) {
  switch (part) {
    case Part::kHolds:
      return "holds";
    case Part::kReads:
      return "reads";
    case Part::kTookUnit:
      return "took_unit";
    case Part::kInitialises:
      return "initialises";
    case Part::kIsToArrive:
      return "is_to_arrive";
    case Part::kMayNotify:
      return "may_notify";
    case Part::kMakesResult:
      return "makes_result";
  }
  return {};
}

std::string_view json_word(Needs needs) {
  switch (needs) {
    case Needs::kAll:
      return "all";
    case Needs::kAny:
      return "any";
  }
  return {};
}

std::string_view json_word(FoundBy how) {
  switch (how) {
    case FoundBy::kWaitedFor:
      return "waited_for";
    case FoundBy::kRobustList:
      return "robust_list";
    case FoundBy::kFileList:
      return "file_list";
    case FoundBy::kVariable:
      return "variable";
    case FoundBy::kPointer:
      return "pointer";
    case FoundBy::kMemoryScan:
      return "memory_scan";
    case FoundBy::kWitness:
      return "witness";
  }
  return {};
}

std::string_view json_word(AttributedBy how) {
  switch (how) {
    case AttributedBy::kGuard:
      return "guard";
    case AttributedBy::kLockingCode:
      return "locking_code";
  }
  return {};
}

std::string_view json_word(WaitKind kind) {
  switch (kind) {
    case WaitKind::kLock:
      return "lock";
    case WaitKind::kReadLock:
      return "read_lock";
    case WaitKind::kWriteLock:
      return "write_lock";
    case WaitKind::kRelockAfterCondition:
      return "relock_after_condition";
    case WaitKind::kUnit:
      return "unit";
    case WaitKind::kInitialisation:
      return "initialisation";
    case WaitKind::kNotification:
      return "notification";
    case WaitKind::kArrivals:
      return "arrivals";
    case WaitKind::kResult:
      return "result";
    case WaitKind::kChange:
      return "change";
    case WaitKind::kJoin:
      return "join";
  }
  return {};
}

std::string_view json_word(RecognisedBy how) {
  switch (how) {
    case RecognisedBy::kCleanupChain:
      return "cleanup_chain";
    case RecognisedBy::kRegisters:
      return "registers";
    case RecognisedBy::kCallSite:
      return "call_site";
    case RecognisedBy::kFunctionName:
      return "function_name";
  }
  return {};
}

std::string_view json_word(CrashCause cause) {
  switch (cause) {
    case CrashCause::kUnknown:
      return "unknown";
    case CrashCause::kFault:
      return "fault";
    case CrashCause::kRaised:
      return "raised";
    case CrashCause::kSent:
      return "sent";
  }
  return {};
}

std::string_view json_word(Activity activity) {
  switch (activity) {
    case Activity::kWaits:
      return "waits";
    case Activity::kFutex:
      return "futex";
    case Activity::kIdle:
      return "idle";
    case Activity::kSleeps:
      return "sleeps";
    case Activity::kBlocked:
      return "blocked";
    case Activity::kUninterruptible:
      return "uninterruptible";
    case Activity::kStopped:
      return "stopped";
    case Activity::kRuns:
      return "runs";
    case Activity::kCrashed:
      return "crashed";
    case Activity::kEnded:
      return "ended";
    case Activity::kUnknown:
      return "unknown";
  }
  return {};
}

std::string_view json_word(Remark::Says says) {
  switch (says) {
    case Remark::Says::kIdle:
      return "idle";
    case Remark::Says::kAsk:
      return "ask";
    case Remark::Says::kLock:
      break;
  }
  return "semaphore_lock";
}

std::string_view json_word(FindingKind kind) {
  switch (kind) {
    case FindingKind::kDeadlock:
      return "deadlock";
    case FindingKind::kAllAsleep:
      return "all_asleep";
    case FindingKind::kOwnerExited:
      return "owner_exited";
    case FindingKind::kForkInherited:
      return "fork_inherited";
    case FindingKind::kOwnerRecycled:
      return "owner_recycled";
    case FindingKind::kStalledHolder:
      return "stalled_holder";
  }
  return {};
}

}  // namespace pstuck
