#pragma once

#include <cstddef>
#include <span>

#include "attach/snapshot.h"

namespace pstuck {

/// A thread's registers and the call it is in, as the kernel writes them for a ptrace stop and for
/// a core's NT_PRSTATUS: 27 words in the order of x86-64's user_regs_struct (sys/user.h).
struct ThreadRegisters {
  Registers registers;
  Syscall syscall;
};

inline constexpr std::size_t kUserRegistersSize = 27 * sizeof(std::uint64_t);

ThreadRegisters parse_user_registers(std::span<const std::byte, kUserRegistersSize> bytes);

}  // namespace pstuck
