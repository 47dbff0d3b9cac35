#pragma once

#include <compare>
#include <cstdint>

namespace pstuck {

/// An address in the target, never in pstuck itself. Arithmetic wraps.
struct Address {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Address, Address) = default;
  friend constexpr Address operator+(Address a, std::uint64_t n) { return {a.value + n}; }
  friend constexpr Address operator-(Address a, std::uint64_t n) { return {a.value - n}; }
  friend constexpr std::uint64_t operator-(Address a, Address b) { return a.value - b.value; }
};

/// A kernel task id. Which PID namespace it counts in is said where it stands.
struct Tid {
  std::int32_t value = 0;

  friend constexpr auto operator<=>(Tid, Tid) = default;
};

}  // namespace pstuck
