#pragma once

#include <cstdint>
#include <optional>

#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

/// The futex commands that wait: include/uapi/linux/futex.h.
enum class FutexCommand : std::uint32_t {
  kWait = 0,
  kLockPi = 6,
  kWaitBitset = 9,
  kWaitRequeuePi = 11,
  kLockPi2 = 13,
};

/// What the code before the program counter says about who makes the call.
enum class CallInstruction {
  kUnknown,
  kNamesCall,        ///< the number is an immediate, as in libc's own waits
  kSyscallFunction,  ///< it is libc's syscall(), which none of libc's own waits use
};

/// A futex system call that has not returned.
struct FutexCall {
  Address word;
  FutexCommand command = FutexCommand::kWait;
  bool process_private = false;
  bool realtime = false;  ///< FUTEX_CLOCK_REALTIME
  std::uint32_t value = 0;
  Address timeout;  ///< of a timespec; 0: waits without limit
  CallInstruction instruction = CallInstruction::kUnknown;

  [[nodiscard]] bool timed() const { return timeout.value != 0; }
  /// As who waits for one of libc's own locks: but who waits for a mutex can do so too.
  [[nodiscard]] bool is_in_libc_lock() const {
    constexpr std::uint32_t kHeldWithWaiters = 2;
    return command == FutexCommand::kWait && process_private && !timed() &&
           value == kHeldWithWaiters && instruction != CallInstruction::kSyscallFunction;
  }
};

/// The call that a thread sleeps in, restart_syscall resolved where the code or the arguments tell;
/// none for a thread that is not in the kernel.
std::optional<std::int64_t> find_syscall_number(const ThreadSnapshot& thread, Memory& memory);

/// None for a thread that is awake, or sleeps in another call.
std::optional<FutexCall> find_futex_call(const ThreadSnapshot& thread, Memory& memory);

}  // namespace pstuck
