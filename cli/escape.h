#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pstuck {

inline constexpr std::size_t kWidestText = 256;

/// Text from the target, safe to print on a terminal: control characters, bytes that are not UTF-8,
/// and characters that reorder or hide text come out as \n, \x1b or \u{202e}, a backslash as two.
/// Cut after `max_columns`, then it ends in "…".
std::string printable(std::string_view hostile, std::size_t max_columns = kWidestText);

/// How many columns printable text takes, one for each character.
std::size_t columns(std::string_view printable_text);

/// Printable text as a Markdown code span: nothing in it is markup.
std::string markdown_code(std::string_view printable_text);

/// Printable lines as a Markdown code block.
std::string markdown_block(std::string_view printable_lines);

/// An argument as a POSIX shell reads it: quoted only where it has to be.
std::string shell_word(std::string_view printable_text);

}  // namespace pstuck
