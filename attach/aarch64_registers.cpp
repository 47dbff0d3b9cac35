// AArch64 keeps no register that says whether a thread is in a call: x8 holds the number of the
// last one for as long as nobody needs the register. What tells is the code (arch/arm64/kernel/
// signal.c, do_signal()): before the kernel dumps a process or shows it to a debugger it takes back
// every call that can be restarted,
//
//     …      mov  x8, #98
//     pc ──▶ svc  #0           and x0, which the result would be in, is the first argument again
//            cmp  x0, …
//
// so that the thread is about to make its call. One that cannot be restarted has returned EINTR,
// and its first argument is lost. qemu-user takes nothing back: pc is behind the svc, and x0 still
// the first argument. It is told from a result only for futex, which never returns an address.

#include "attach/aarch64_registers.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "attach/syscalls.h"

namespace pstuck {
namespace {

constexpr std::size_t kX8 = 8;
constexpr std::uint32_t kSupervisorCall = 0xd4000001;  // svc #0
constexpr std::uint64_t kInstruction = sizeof(std::uint32_t);

// No address is below it (vm.mmap_min_addr), no error or count of woken threads above.
constexpr std::uint64_t kLowestAddress = 0x10000;

Syscall make_syscall(const Registers& registers, const BlockingCall& call, SyscallState state) {
  Syscall syscall{.state = state, .number = call.number};
  for (std::size_t i = 0; i < syscall.arguments.size(); ++i) {
    syscall.arguments[i] = registers.by_dwarf_number[i];
  }
  return syscall;
}

Syscall judge_behind_call(const Registers& registers, const BlockingCall& call) {
  const auto x0 = static_cast<std::int64_t>(registers.by_dwarf_number[0]);
  if (call.stop_interrupts && x0 == -EINTR) {
    Syscall syscall = make_syscall(registers, call, SyscallState::kInSyscall);
    syscall.arguments[0] = UINT64_MAX;
    return syscall;
  }
  const bool is_address = x0 >= static_cast<std::int64_t>(kLowestAddress);
  if (call.number == kFutexCall && is_address) {
    return make_syscall(registers, call, SyscallState::kInSyscall);
  }
  return {};
}

}  // namespace

Registers parse_aarch64_registers(std::span<const std::byte, kAArch64RegistersSize> bytes) {
  constexpr std::size_t kInUse = roles_of(Machine::kAArch64).count;
  std::array<std::uint64_t, kInUse> words;
  std::memcpy(words.data(), bytes.data(), sizeof words);
  Registers registers{.machine = Machine::kAArch64};
  for (std::size_t i = 0; i < kInUse; ++i) registers.set(i, words[i]);
  return registers;
}

Syscall find_aarch64_syscall(const Registers& registers, Memory& memory) {
  const auto pc = registers.program_counter();
  const auto number = registers.get(kX8);
  const BlockingCall* const call = number ? find_aarch64_call(*number) : nullptr;
  if (!pc || !call) return {};
  if (memory.read_object<std::uint32_t>(*pc) == kSupervisorCall) {
    return make_syscall(registers, *call, SyscallState::kInSyscall);
  }
  if (memory.read_object<std::uint32_t>(*pc - kInstruction) == kSupervisorCall) {
    return judge_behind_call(registers, *call);
  }
  return {};
}

}  // namespace pstuck
