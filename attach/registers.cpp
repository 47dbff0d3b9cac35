#include "attach/registers.h"

#include <sys/user.h>

#include <cerrno>
#include <cstring>

namespace pstuck {
namespace {

static_assert(sizeof(user_regs_struct) == kUserRegistersSize);

// rax holds the kernel's own restart codes while a call has not returned: include/linux/errno.h and
// arch/x86/kernel/signal.c. The calls that never restart show EINTR instead.
bool has_not_returned(std::int64_t rax) {
  constexpr std::int64_t kErestartSys = -512;
  constexpr std::int64_t kErestartNoIntr = -513;
  constexpr std::int64_t kErestartNoHand = -514;
  constexpr std::int64_t kErestartRestartBlock = -516;
  return rax == kErestartSys || rax == kErestartNoIntr || rax == kErestartNoHand ||
         rax == kErestartRestartBlock || rax == -EINTR;
}

Syscall to_syscall(const user_regs_struct& user) {
  Syscall syscall;
  const auto number = static_cast<std::int64_t>(user.orig_rax);
  if (number < 0) {
    syscall.state = SyscallState::kUserMode;
    return syscall;
  }
  syscall.state = has_not_returned(static_cast<std::int64_t>(user.rax)) ? SyscallState::kInSyscall
                                                                        : SyscallState::kReturned;
  syscall.number = number;
  syscall.arguments = {user.rdi, user.rsi, user.rdx, user.r10, user.r8, user.r9};
  return syscall;
}

}  // namespace

ThreadRegisters parse_user_registers(std::span<const std::byte, kUserRegistersSize> bytes) {
  user_regs_struct user;
  std::memcpy(&user, bytes.data(), sizeof user);
  ThreadRegisters result{.syscall = to_syscall(user)};
  const std::array in_dwarf_order = {user.rax, user.rdx, user.rcx, user.rbx, user.rsi, user.rdi,
                                     user.rbp, user.rsp, user.r8,  user.r9,  user.r10, user.r11,
                                     user.r12, user.r13, user.r14, user.r15, user.rip};
  for (std::size_t i = 0; i < in_dwarf_order.size(); ++i) {
    result.registers.set(i, in_dwarf_order[i]);
  }
  result.registers.thread_pointer = Address{user.fs_base};
  return result;
}

}  // namespace pstuck
