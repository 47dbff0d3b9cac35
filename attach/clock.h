#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pstuck {

inline std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// Clock ticks, as /proc/PID/stat counts them; `per_second` is sysconf(_SC_CLK_TCK).
inline std::chrono::nanoseconds from_ticks(std::uint64_t ticks, std::int64_t per_second) {
  const auto rate = static_cast<std::uint64_t>(std::max<std::int64_t>(per_second, 1));
  return std::chrono::seconds(ticks / rate) +
         std::chrono::nanoseconds(ticks % rate * (1'000'000'000 / rate));
}

}  // namespace pstuck
