#pragma once

#include <cstdint>

#include "attach/snapshot.h"

namespace pstuck {

/// The bit of Process::caught_signals that stands for a signal.
constexpr std::uint64_t signal_bit(int number) { return std::uint64_t{1} << (number - 1); }

/// Whether a signal from outside, other than the `harmless`, can make the process do something.
/// Handlers of faults and of libc's own signals wake nobody up: what they answer to comes from a
/// thread itself.
/// include/uapi/asm-generic/signal.h; nptl uses 32 and 33.
constexpr bool handles_signals_from_outside(const Process& process, std::uint64_t harmless = 0) {
  constexpr std::uint64_t kFaults = signal_bit(4) | signal_bit(5) | signal_bit(6) | signal_bit(7) |
                                    signal_bit(8) | signal_bit(11) | signal_bit(13);
  constexpr std::uint64_t kOfLibc = signal_bit(32) | signal_bit(33);
  return (process.caught_signals & ~kFaults & ~kOfLibc & ~harmless) != 0;
}

/// Whether signals that come by themselves, of a timer, a descriptor, or a child's end, reach a
/// handler.
constexpr bool handles_timers(const Process& process) {
  constexpr std::uint64_t kTimers = signal_bit(14) | signal_bit(26) | signal_bit(27);
  return (process.caught_signals & kTimers) != 0;
}
constexpr bool handles_ends_of_children(const Process& process) {
  return (process.caught_signals & signal_bit(17)) != 0;
}

}  // namespace pstuck
