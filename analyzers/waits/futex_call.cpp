#include "analyzers/waits/futex_call.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "attach/syscalls.h"

// The kernel shows a futex wait as system call 202. After a stop, a timed wait comes back as
// restart_syscall (219) with the first call's arguments still in the registers (kernel/futex:
// futex_wait_restart; kernel/time keeps nanosleep and poll in the same way). Which call it was then
// stands in the code: libc's waits are
//
//     b8 ca 00 00 00    mov  $202, %eax
//     0f 05             syscall            <- the program counter points behind this
//
// with at most a few register moves in between. Some load the number from a register: syscall(),
// the loop that waits for a priority-protected mutex, and the cancellable calls of glibc 2.41 and
// later. For those the arguments decide.

namespace pstuck {
namespace {

constexpr std::size_t kCodeBytes = 32;
constexpr std::size_t kSyscallBytes = 2;
constexpr std::size_t kLoadBytes = 5;
constexpr std::uint32_t kLastSyscall = 1023;

constexpr std::uint64_t kCommandMask = 0x7f;
constexpr std::uint64_t kPrivateFlag = 0x80;
constexpr std::uint64_t kRealtimeFlag = 0x100;
constexpr std::uint64_t kAllFlags = kCommandMask | kPrivateFlag | kRealtimeFlag;

// The end of syscall(): mov 8(%rsp), %r9; syscall. sysdeps/unix/sysv/linux/x86_64/syscall.S, the
// same in every glibc.
constexpr std::array<std::uint8_t, 7> kSyscallFunctionEnd = {0x4c, 0x8b, 0x4c, 0x24,
                                                             0x08, 0x0f, 0x05};

struct CallSite {
  CallInstruction instruction = CallInstruction::kUnknown;
  std::int64_t number = -1;  // for kNamesCall
};

CallSite read_call_site(const ThreadSnapshot& thread, Memory& memory) {
  const auto pc = thread.registers.program_counter();
  if (!pc || thread.registers.machine != Machine::kX86_64) return {};
  const Address end = *pc;
  std::array<std::uint8_t, kCodeBytes> code;
  if (memory.read(end - kCodeBytes, std::as_writable_bytes(std::span(code))) != kCodeBytes) {
    return {};
  }
  if (code[kCodeBytes - 2] != 0x0f || code[kCodeBytes - 1] != 0x05) return {};
  if (std::ranges::equal(std::span(code).last<kSyscallFunctionEnd.size()>(), kSyscallFunctionEnd)) {
    return {CallInstruction::kSyscallFunction};
  }
  for (std::size_t at = kCodeBytes - kSyscallBytes - kLoadBytes + 1; at-- > 0;) {
    std::uint32_t number = 0;
    std::memcpy(&number, &code[at + 1], sizeof number);
    if (code[at] == 0xb8 && number <= kLastSyscall) return {CallInstruction::kNamesCall, number};
  }
  return {};
}

std::optional<FutexCommand> parse_command(std::uint64_t operation) {
  if ((operation & ~kAllFlags) != 0) return std::nullopt;
  const auto command = static_cast<FutexCommand>(operation & kCommandMask);
  switch (command) {
    case FutexCommand::kWait:
    case FutexCommand::kLockPi:
    case FutexCommand::kWaitBitset:
    case FutexCommand::kWaitRequeuePi:
    case FutexCommand::kLockPi2:
      return command;
  }
  return std::nullopt;
}

std::optional<FutexCall> parse_arguments(const std::array<std::uint64_t, 6>& arguments) {
  const auto command = parse_command(arguments[1]);
  const Address word{arguments[0]};
  if (!command || word.value == 0 || word.value % sizeof(std::uint32_t) != 0) return std::nullopt;
  return FutexCall{.word = word,
                   .command = *command,
                   .process_private = (arguments[1] & kPrivateFlag) != 0,
                   .realtime = (arguments[1] & kRealtimeFlag) != 0,
                   .value = static_cast<std::uint32_t>(arguments[2]),
                   .timeout = Address{arguments[3]}};
}

// Only timed waits on a plain futex are restarted: the PI commands come back as 202.
bool looks_like_restarted_futex(const ThreadSnapshot& thread, Memory& memory) {
  const auto call = parse_arguments(thread.syscall.arguments);
  if (!call || !call->timed()) return false;
  if (call->command != FutexCommand::kWait && call->command != FutexCommand::kWaitBitset) {
    return false;
  }
  return memory.read_object<std::uint32_t>(call->word) &&
         memory.read_object<std::array<std::int64_t, 2>>(call->timeout);
}

std::int64_t resolve_number(const ThreadSnapshot& thread, const CallSite& site, Memory& memory) {
  if (thread.syscall.number != kRestartSyscall) return thread.syscall.number;
  if (site.instruction == CallInstruction::kNamesCall) return site.number;
  return looks_like_restarted_futex(thread, memory) ? kFutexCall : kRestartSyscall;
}

bool in_syscall(const ThreadSnapshot& thread) {
  return thread.syscall.state == SyscallState::kInSyscall && thread.syscall.number >= 0;
}

}  // namespace

std::optional<std::int64_t> find_syscall_number(const ThreadSnapshot& thread, Memory& memory) {
  if (!in_syscall(thread)) return std::nullopt;
  if (thread.syscall.number != kRestartSyscall) return thread.syscall.number;
  return resolve_number(thread, read_call_site(thread, memory), memory);
}

std::optional<FutexCall> find_futex_call(const ThreadSnapshot& thread, Memory& memory) {
  if (!in_syscall(thread)) return std::nullopt;
  if (thread.syscall.number != kFutexCall && thread.syscall.number != kRestartSyscall) {
    return std::nullopt;
  }
  const CallSite site = read_call_site(thread, memory);
  if (resolve_number(thread, site, memory) != kFutexCall) return std::nullopt;
  auto call = parse_arguments(thread.syscall.arguments);
  const bool names_another = site.number != -1 && site.number != kFutexCall;
  if (call && !names_another) call->instruction = site.instruction;
  return call;
}

}  // namespace pstuck
