#pragma once

/// How a recording stands in CBOR: the fields of the structs by their names, a missing one as its
/// default. A field that is added to one of these structs must be added here; a test counts them.

#include "attach/recording.h"
#include "attach/saved_values.h"

namespace pstuck {

template <>
struct SavedWords<TargetKind> {
  static constexpr std::array kWords{
      std::pair{TargetKind::kLive, std::string_view("live")},
      std::pair{TargetKind::kCore, std::string_view("core")},
  };
};

template <>
struct SavedWords<Machine> {
  static constexpr std::array kWords{
      std::pair{Machine::kX86_64, std::string_view("x86_64")},
      std::pair{Machine::kAArch64, std::string_view("aarch64")},
  };
};

template <>
struct SavedWords<SyscallState> {
  static constexpr std::array kWords{
      std::pair{SyscallState::kUnknown, std::string_view("unknown")},
      std::pair{SyscallState::kUserMode, std::string_view("user_mode")},
      std::pair{SyscallState::kInSyscall, std::string_view("in_syscall")},
      std::pair{SyscallState::kReturned, std::string_view("returned")},
  };
};

template <>
struct SavedWords<CaptureWay> {
  static constexpr std::array kWords{
      std::pair{CaptureWay::kStopped, std::string_view("stopped")},
      std::pair{CaptureWay::kFromCore, std::string_view("from_core")},
      std::pair{CaptureWay::kReadWithoutStop, std::string_view("read_without_stop")},
      std::pair{CaptureWay::kNotCaptured, std::string_view("not_captured")},
  };
};

template <>
struct SavedWords<CaptureReason> {
  static constexpr std::array kWords{
      std::pair{CaptureReason::kNone, std::string_view("none")},
      std::pair{CaptureReason::kStopNotWanted, std::string_view("stop_not_wanted")},
      std::pair{CaptureReason::kStopWouldDisturb, std::string_view("stop_would_disturb")},
      std::pair{CaptureReason::kUninterruptible, std::string_view("uninterruptible")},
      std::pair{CaptureReason::kDidNotStop, std::string_view("did_not_stop")},
      std::pair{CaptureReason::kStopRefused, std::string_view("stop_refused")},
      std::pair{CaptureReason::kRuns, std::string_view("runs")},
      std::pair{CaptureReason::kExited, std::string_view("exited")},
      std::pair{CaptureReason::kZombie, std::string_view("zombie")},
  };
};

template <>
struct SavedWords<CrashCause> {
  static constexpr std::array kWords{
      std::pair{CrashCause::kUnknown, std::string_view("unknown")},
      std::pair{CrashCause::kFault, std::string_view("fault")},
      std::pair{CrashCause::kRaised, std::string_view("raised")},
      std::pair{CrashCause::kSent, std::string_view("sent")},
  };
};

template <>
struct SavedWords<BlindSpotKind> {
  static constexpr std::array kWords{
      std::pair{BlindSpotKind::kModuleFileMissing, std::string_view("module_file_missing")},
      std::pair{BlindSpotKind::kBuildIdMismatch, std::string_view("build_id_mismatch")},
      std::pair{BlindSpotKind::kBuildIdUnknown, std::string_view("build_id_unknown")},
      std::pair{BlindSpotKind::kCoreTruncated, std::string_view("core_truncated")},
      std::pair{BlindSpotKind::kCoreDamaged, std::string_view("core_damaged")},
      std::pair{BlindSpotKind::kOtherMachine, std::string_view("other_machine")},
      std::pair{BlindSpotKind::kThreadsKeptAppearing, std::string_view("threads_kept_appearing")},
      std::pair{BlindSpotKind::kMemoryMapUnreadable, std::string_view("memory_map_unreadable")},
      std::pair{BlindSpotKind::kMemoryNotSearched, std::string_view("memory_not_searched")},
      std::pair{BlindSpotKind::kMemorySwappedOut, std::string_view("memory_swapped_out")},
      std::pair{BlindSpotKind::kHeldLocksDoubted, std::string_view("held_locks_doubted")},
  };
};

template <>
struct SavedWords<FileKind> {
  static constexpr std::array kWords{
      std::pair{FileKind::kRegular, std::string_view("regular")},
      std::pair{FileKind::kDirectory, std::string_view("directory")},
      std::pair{FileKind::kPipe, std::string_view("pipe")},
      std::pair{FileKind::kSocket, std::string_view("socket")},
      std::pair{FileKind::kTerminal, std::string_view("terminal")},
      std::pair{FileKind::kDevice, std::string_view("device")},
      std::pair{FileKind::kEventfd, std::string_view("eventfd")},
      std::pair{FileKind::kTimerfd, std::string_view("timerfd")},
      std::pair{FileKind::kSignalfd, std::string_view("signalfd")},
      std::pair{FileKind::kInotify, std::string_view("inotify")},
      std::pair{FileKind::kEpoll, std::string_view("epoll")},
      std::pair{FileKind::kPidfd, std::string_view("pidfd")},
      std::pair{FileKind::kIoUring, std::string_view("io_uring")},
      std::pair{FileKind::kMessageQueue, std::string_view("message_queue")},
      std::pair{FileKind::kOther, std::string_view("other")},
  };
};

template <>
struct SavedWords<FileLockKind> {
  static constexpr std::array kWords{
      std::pair{FileLockKind::kFlock, std::string_view("flock")},
      std::pair{FileLockKind::kPosix, std::string_view("posix")},
      std::pair{FileLockKind::kOpenFile, std::string_view("open_file")},
  };
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FileId, device, inode)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SocketFacts, protocol, local, remote, state, unread,
                                                unsent, peer, pending, receive_timeout,
                                                send_timeout)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(OpenFile, descriptor, kind, id, other_end, path,
                                                deleted, reads, writes, socket, process, watches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(HeldFileLock, file, process, kind, exclusive, start,
                                                last)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FileUser, file, process, reads, writes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(OtherProcess, pid, parent, pid_in_target, name,
                                                command_line, state, syscall)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FileToOpen, thread, kind, id, likely_openers)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SemaphoreFacts, set, number, value, wait_for_more,
                                                wait_for_zero, last)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(QueueFacts, id, messages, bytes, most_bytes,
                                                last_sender, last_receiver)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(KernelFacts, files, users, locks, to_open,
                                                semaphores, queues, frozen_group, processes, moved,
                                                some_not_seen)

/// As many as the machine has.
inline void to_json(SavedJson& saved, const Registers& registers) {
  const auto in_use = std::span(registers.by_dwarf_number).first(roles_of(registers.machine).count);
  saved = {{"machine", registers.machine},
           {"by_dwarf_number", std::vector(in_use.begin(), in_use.end())},
           {"known", registers.known},
           {"thread_pointer", registers.thread_pointer}};
}

inline void from_json(const SavedJson& saved, Registers& registers) {
  registers = {.machine = saved.value("machine", Machine::kX86_64),
               .known = saved.value("known", std::uint64_t{0}),
               .thread_pointer = saved.value("thread_pointer", std::optional<Address>())};
  const auto values = saved.value("by_dwarf_number", std::vector<std::uint64_t>());
  std::copy_n(values.begin(), std::min(values.size(), Registers::kCount),
              registers.by_dwarf_number.begin());
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Syscall, state, number, arguments)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ContextSwitches, voluntary, involuntary)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CapturedStack, start, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ThreadSnapshot, tid, tid_in_target, name, state,
                                                syscall, wait_channel, kernel_stack, capture,
                                                capture_reason, registers, stack, not_run_for, age,
                                                cpu_time, kernel_time, switches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Mapping, start, end, file_offset, inode, readable,
                                                writable, executable, shared, deleted, path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Module, start, end, path, build_id, local_file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ForkedFrom, pid, name, command_line)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Process, pid, pid_in_target, parent, name,
                                                command_line, executable, age, pid_namespace,
                                                other_pid_namespace, other_mount_namespace,
                                                container_id, forked_from, caught_signals)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CrashFacts, thread, cause, code, address, sender)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CoreFacts, path, signal, missing_bytes, crash)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(BlindSpot, kind, detail)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Snapshot, kind, machine, process, core, threads,
                                                mappings, modules, blind_spots, kernel, realtime,
                                                monotonic, capture_took, longest_stop, frozen)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TaskElsewhere, tid, process, process_name,
                                                in_parent, state, syscall)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ThreadLook, tid, exists, syscall, switches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Look, monotonic, threads, locks)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Sample, monotonic, threads, longest_stop)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedBytes, start, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedLook, look, locks)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Recording, captures, memory, parent_memory, tasks,
                                                looks, samples)

}  // namespace pstuck
