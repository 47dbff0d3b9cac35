#pragma once

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "attach/ids.h"

namespace pstuck {

/// Wrong usage: throws Error. `hint` is the next thing to try.
[[noreturn]] void refuse(const std::string& message, const std::string& hint);

[[noreturn]] void refuse_value(std::string_view option, const std::string& word,
                               const std::string& hint);

/// What an option's word means. Throws Error, with the words that there are.
template <typename T, std::size_t N>
T parse_choice(std::string_view option, const std::string& word,
               const std::array<std::pair<std::string_view, T>, N>& choices) {
  std::string known;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  refuse_value(option, word, "it is one of " + known);
}

/// A whole number. Throws Error with the hint.
std::size_t parse_count(std::string_view option, const std::string& word, const std::string& hint);

/// A number of bytes like 65536, 256K, 1M or 8G. Throws Error with the hint, also above `most`.
std::size_t parse_bytes(std::string_view option, const std::string& word, std::size_t most,
                        const std::string& hint);

/// A time like 50ms, 30s, 10m or 2h, above 0 and up to `most`. Throws Error with the hint.
std::chrono::milliseconds parse_time(std::string_view option, const std::string& word,
                                     std::chrono::milliseconds most, const std::string& hint);

/// A time that something may take, up to a year. Throws Error.
std::chrono::milliseconds parse_limit(std::string_view option, const std::string& word);

/// The id of a process or of a process group. Throws Error.
Tid parse_process(std::string_view option, const std::string& word);

}  // namespace pstuck
