#pragma once

#include <cstddef>
#include <span>

#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

/// struct user_pt_regs of Linux's arch/arm64/include/uapi/asm/ptrace.h: x0 to x30, sp, pc, pstate.
inline constexpr std::size_t kAArch64RegistersSize = 34 * sizeof(std::uint64_t);

Registers parse_aarch64_registers(std::span<const std::byte, kAArch64RegistersSize> bytes);

/// Where the thread stands and the call it is in, which only the code at its program counter can
/// tell: unknown where that cannot be read.
Syscall find_aarch64_syscall(const Registers& registers, Memory& memory);

}  // namespace pstuck
