#pragma once

#include <string>
#include <string_view>

namespace pstuck {

/// Colour as data: what to write before each kind of text, and `reset` after it.
/// An empty Palette{} writes no colour.
struct Palette {
  std::string_view bad;     ///< a verdict that threads hang
  std::string_view good;    ///< the verdict that nothing is stuck
  std::string_view head;    ///< the word that begins a section
  std::string_view name;    ///< threads and locks
  std::string_view marker;  ///< where in a stack a thread waits
  std::string_view dim;     ///< modules, and what is said on the side
  std::string_view reset;

  [[nodiscard]] std::string paint(std::string_view colour, std::string_view text) const {
    if (colour.empty()) return std::string(text);
    return std::string(colour).append(text).append(reset);
  }
};

inline constexpr Palette kTerminalPalette{
    .bad = "\x1b[1;31m",
    .good = "\x1b[32m",
    .head = "\x1b[1m",
    .name = "\x1b[1m",
    .marker = "\x1b[33m",
    .dim = "\x1b[2m",
    .reset = "\x1b[0m",
};

}  // namespace pstuck
