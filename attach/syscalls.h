#pragma once

#include <cstdint>
#include <string_view>

namespace pstuck {

/// What the project needs to know about one x86-64 system call that can block.
struct BlockingCall {
  std::int64_t number;
  std::string_view name;
  bool stop_interrupts;  ///< returns EINTR after a ptrace stop (measured on 6.18; signal(7))
  bool idles;            ///< parking here is how threads wait for work: not evidence of a hang
  bool sleeps;           ///< ends by itself with time
};

inline constexpr std::int64_t kFutex = 202;
inline constexpr std::int64_t kRestartSyscall = 219;

/// Null for a call that is not in the table.
const BlockingCall* find_blocking_call(std::int64_t number);

}  // namespace pstuck
