#pragma once

/// The shared model: what was copied from a target at one time. Standard library only, plain data.
/// Everything in it may come from a hostile process: sizes were checked, text was not escaped.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/ids.h"
#include "attach/kernel_facts.h"

namespace pstuck {

enum class TargetKind { kLive, kCore };

enum class Machine { kX86_64, kAArch64 };

/// What some registers are for, by their DWARF numbers.
struct RegisterRoles {
  std::size_t count;  ///< numbers in use, from 0
  std::size_t stack_pointer;
  std::size_t program_counter;
  /// Kept over calls, the frame pointer second. Not all of AArch64's: those that compilers take
  /// first.
  std::array<std::size_t, 6> callee_saved;
};

inline constexpr std::size_t kFramePointerIndex = 1;  ///< in RegisterRoles::callee_saved

/// System V ABI for x86-64, figure 3.36: 3 rbx, 6 rbp, 7 rsp, 12-15 r12-r15, 16 rip. DWARF for the
/// Arm 64-bit Architecture (aadwarf64), 4.1: 0-30 x0-x30, 31 sp, 32 pc.
constexpr RegisterRoles roles_of(Machine machine) {
  if (machine == Machine::kAArch64) return {33, 31, 32, {19, 29, 20, 21, 22, 23}};
  return {17, 7, 16, {3, 6, 12, 13, 14, 15}};
}

/// Registers in DWARF numbering.
struct Registers {
  static constexpr std::size_t kCount = 33;

  Machine machine = Machine::kX86_64;
  std::array<std::uint64_t, kCount> by_dwarf_number{};
  std::uint64_t known = 0;  ///< bit n: by_dwarf_number[n] is known
  /// x86-64: fs_base, on glibc also the pthread_t. None on AArch64, where the distance between the
  /// two depends on the version of glibc.
  std::optional<Address> thread_pointer;

  [[nodiscard]] std::optional<std::uint64_t> get(std::size_t number) const {
    if (number >= kCount || (known >> number & 1U) == 0) return std::nullopt;
    return by_dwarf_number[number];
  }
  void set(std::size_t number, std::uint64_t value) {
    by_dwarf_number[number] = value;
    known |= std::uint64_t{1} << number;
  }

  [[nodiscard]] std::optional<Address> stack_pointer() const {
    return get_address(roles_of(machine).stack_pointer);
  }
  [[nodiscard]] std::optional<Address> program_counter() const {
    return get_address(roles_of(machine).program_counter);
  }

  friend bool operator==(const Registers&, const Registers&) = default;

 private:
  [[nodiscard]] std::optional<Address> get_address(std::size_t number) const {
    const auto value = get(number);
    return value ? std::optional(Address{*value}) : std::nullopt;
  }
};

/// Where a thread stands at the border of user code and kernel.
enum class SyscallState {
  kUnknown,
  kUserMode,   ///< runs, or was interrupted, in user code
  kInSyscall,  ///< in the kernel, the call has not returned
  kReturned,   ///< was seen on its way out of the call: awake, not waiting
};

struct Syscall {
  SyscallState state = SyscallState::kUnknown;
  std::int64_t number =
      -1;  ///< as the kernel shows it; restart_syscall keeps the first call's arguments
  std::array<std::uint64_t, 6> arguments{};

  friend bool operator==(const Syscall&, const Syscall&) = default;
};

struct ContextSwitches {
  std::uint64_t voluntary = 0;
  std::uint64_t involuntary = 0;

  friend bool operator==(const ContextSwitches&, const ContextSwitches&) = default;
};

/// How a thread's registers and stack were got.
enum class CaptureWay {
  kStopped,          ///< all registers, at a ptrace stop of this thread
  kFromCore,         ///< all registers, from a core's notes
  kReadWithoutStop,  ///< stack pointer and program counter only; `capture_reason` says why
  kNotCaptured,      ///< nothing; `capture_reason` says why
};

enum class CaptureReason {
  kNone,
  kStopNotWanted,     ///< CaptureOptions::stop was false
  kStopWouldDisturb,  ///< the blocked call would return EINTR after a stop
  kUninterruptible,   ///< in D state: a stop would never take effect
  kDidNotStop,        ///< did not stop before the deadline
  kStopRefused,       ///< the kernel refused to let pstuck trace this thread
  kRuns,              ///< could not be stopped and was running: no stack pointer is known
  kExited,            ///< went away while pstuck looked
  kZombie,            ///< has ended, waits for its process to end
};

struct CapturedStack {
  Address start;  ///< lowest address of `bytes`
  std::vector<std::byte> bytes;
};

struct ThreadSnapshot {
  Tid tid;            ///< as pstuck's own PID namespace counts; in a core as the dumped process did
  Tid tid_in_target;  ///< as the target's innermost PID namespace counts: the number in lock words
  std::string name;
  char state = '?';  ///< R S D T t Z X as in proc(5); '?' unknown
  Syscall syscall;
  std::string wait_channel;  ///< kernel function a D state thread sleeps in; may be empty
  /// Kernel functions on its stack, innermost first; read in D state, where pstuck may.
  std::vector<std::string> kernel_stack;

  CaptureWay capture = CaptureWay::kNotCaptured;
  CaptureReason capture_reason = CaptureReason::kNone;
  Registers registers;
  CapturedStack stack;  ///< empty for a core: the core's memory has it

  std::optional<std::chrono::nanoseconds>
      not_run_for;                              ///< since it last ran; a lower bound of its wait
  std::optional<std::chrono::nanoseconds> age;  ///< since it was started
  std::optional<std::chrono::nanoseconds> cpu_time;
  std::optional<std::chrono::nanoseconds> kernel_time;  ///< of it, in steps of a clock tick
  std::optional<ContextSwitches> switches;              ///< before pstuck stopped it
};

struct Mapping {
  Address start;
  Address end;
  std::uint64_t file_offset = 0;
  std::uint64_t inode = 0;  ///< 0: not backed by a file, or not known (core)
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  bool deleted = false;  ///< the file was deleted or replaced after it was mapped
  std::string
      path;  ///< as the target sees it, without " (deleted)"; "[stack]" and the like; may be empty
};

/// One ELF file mapped into the target.
struct Module {
  Address start;
  Address end;
  std::string path;        ///< as the target sees it
  std::string build_id;    ///< lower-case hex, from the target's memory; empty when it has none
  std::string local_file;  ///< where pstuck can open it now; empty when nowhere
};

/// The living parent that a process was forked from, where it has executed no program since.
struct ForkedFrom {
  Tid pid;  ///< as pstuck's own PID namespace counts
  std::string name;
  std::vector<std::string> command_line;
};

struct Process {
  Tid pid;  ///< as pstuck's own PID namespace counts
  Tid pid_in_target;
  Tid parent;  ///< 0: unknown, or outside pstuck's PID namespace
  std::string name;
  std::vector<std::string> command_line;
  std::string executable;                       ///< as the target sees it
  std::optional<std::chrono::nanoseconds> age;  ///< since it was started
  std::optional<std::uint64_t> pid_namespace;   ///< inode number; none for a core
  bool other_pid_namespace = false;             ///< not pstuck's own
  bool other_mount_namespace = false;
  std::string container_id;  ///< from its cgroup; empty when none is seen
  std::optional<ForkedFrom> forked_from;
  std::uint64_t caught_signals = 0;  ///< bit n - 1: it has a handler for signal n; 0 for a core
};

/// The file that a snapshot was saved in.
struct SavedFacts {
  std::string path;
  std::string written_by;  ///< "pstuck 0.1.0"
  std::string host;        ///< empty when redacted
  bool redacted = false;   ///< without stacks' bytes, arguments and names of people and machines
};

/// Why a signal ended a process.
enum class CrashCause {
  kUnknown,
  kFault,   ///< of an instruction of the thread's
  kRaised,  ///< by the process itself, as abort() does
  kSent,    ///< by another process: the thread that got it may be any
};

/// The signal that ended a process, as a core tells; siginfo_t has the meanings.
struct CrashFacts {
  Tid thread;  ///< that got the signal
  CrashCause cause = CrashCause::kUnknown;
  int code = 0;
  std::optional<Address> address;  ///< of a fault: what could not be accessed, or the instruction
  std::optional<Tid> sender;       ///< as the dumped process counted
};

/// How a process ended, from a core.
struct CoreFacts {
  std::string path;
  int signal = 0;                   ///< 0: it was alive, as with gcore
  std::uint64_t missing_bytes = 0;  ///< cut off at the end of a truncated core
  std::optional<CrashFacts> crash;  ///< none where it was alive
};

/// Something the capture could not see; it must reach the report.
enum class BlindSpotKind {
  kModuleFileMissing,     ///< detail: path
  kBuildIdMismatch,       ///< detail: path and both build IDs
  kBuildIdUnknown,        ///< detail: path; the core lacks the build ID, the file there was used
  kCoreTruncated,         ///< detail: number of missing bytes
  kCoreDamaged,           ///< detail: why it could not be unpacked or read to its end
  kOtherMachine,          ///< detail: its name; less is known of code and threads there
  kThreadsKeptAppearing,  ///< detail: how many looks at the task list were taken
  kMemoryMapUnreadable,
  kMemoryNotSearched,  ///< detail: how many bytes were not searched for held locks
  kMemorySwappedOut,   ///< detail: how many bytes could not be searched for held locks
  kHeldLocksDoubted,   ///< detail: how many look-alikes of held locks were left out
};

struct BlindSpot {
  BlindSpotKind kind;
  std::string detail;

  friend bool operator==(const BlindSpot&, const BlindSpot&) = default;
};

struct Snapshot {
  TargetKind kind = TargetKind::kLive;
  Machine machine = Machine::kX86_64;
  Process process;
  std::optional<CoreFacts> core;
  std::optional<SavedFacts> saved;      ///< none: the target itself was looked at
  std::vector<ThreadSnapshot> threads;  ///< ascending by tid
  std::vector<Mapping> mappings;        ///< ascending, not overlapping
  std::vector<Module> modules;          ///< ascending
  std::vector<BlindSpot> blind_spots;
  KernelFacts kernel;  ///< empty for a core
  /// Both clocks when the capture began; none for a core.
  std::optional<std::chrono::nanoseconds> realtime;
  std::optional<std::chrono::nanoseconds> monotonic;
  std::chrono::nanoseconds capture_took{0};
  std::chrono::nanoseconds longest_stop{
      0};               ///< longest time that any one thread stood still for pstuck
  bool frozen = false;  ///< all threads were stopped at one instant

  /// Whether the target may have changed since.
  [[nodiscard]] bool is_running() const { return kind == TargetKind::kLive && !saved; }
};

}  // namespace pstuck
