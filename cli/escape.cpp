#include "cli/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace pstuck {
namespace {

struct Character {
  std::uint32_t code_point = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

/// The first character of a text that is not empty; overlong forms and surrogates are not valid.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {lead, 1, false};
  std::uint32_t code_point = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {lead, 1, false};
    code_point = (code_point << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> kLowest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kLowest[bytes] || code_point > 0x10ffff || surrogate) return {lead, 1, false};
  return {code_point, bytes, true};
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

/// Characters that move the cursor, turn the direction of text, or cannot be seen.
/// Unicode 15: general categories Cc, Cf, Zl, Zp and the noncharacters, as ranges.
constexpr std::array<Range, 20> kUnsafe{{
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},   {0x70f, 0x70f},   {0x890, 0x891},   {0x8e2, 0x8e2},     {0x115f, 0x1160},
    {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}};

bool is_safe(const Character& character) {
  if (!character.valid) return false;
  return std::none_of(kUnsafe.begin(), kUnsafe.end(), [&](Range range) {
    return character.code_point >= range.first && character.code_point <= range.last;
  });
}

std::string escaped(const Character& character, std::string_view bytes) {
  if (character.code_point == '\n') return "\\n";
  if (character.code_point == '\t') return "\\t";
  if (character.code_point == '\r') return "\\r";
  if (character.code_point == '\\') return "\\\\";
  if (is_safe(character)) return std::string(bytes);
  if (character.code_point > 0xff) return fmt::format("\\u{{{:x}}}", character.code_point);
  return fmt::format("\\x{:02x}", character.code_point);
}

std::size_t longest_run_of_backticks(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

}  // namespace

std::string printable(std::string_view hostile, std::size_t max_columns) {
  std::string safe;
  std::size_t width = 0;
  while (!hostile.empty()) {
    const Character character = decode(hostile);
    const std::string piece = escaped(character, hostile.substr(0, character.bytes));
    const std::size_t piece_width = columns(piece);
    const bool last = hostile.size() == character.bytes;
    if (width + piece_width + (last ? 0 : 1) > max_columns) return safe + "…";
    safe += piece;
    width += piece_width;
    hostile.remove_prefix(character.bytes);
  }
  return safe;
}

std::size_t columns(std::string_view printable_text) {
  return static_cast<std::size_t>(
      std::count_if(printable_text.begin(), printable_text.end(),
                    [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string markdown_code(std::string_view printable_text) {
  const std::string fence(longest_run_of_backticks(printable_text) + 1, '`');
  const bool pad =
      printable_text.empty() || printable_text.front() == '`' || printable_text.back() == '`';
  const std::string_view space = pad ? " " : "";
  return fmt::format("{0}{1}{2}{1}{0}", fence, space, printable_text);
}

std::string markdown_block(std::string_view printable_lines) {
  const std::string fence(std::max<std::size_t>(3, longest_run_of_backticks(printable_lines) + 1),
                          '`');
  const std::string_view end = printable_lines.ends_with('\n') ? "" : "\n";
  return fmt::format("{0}text\n{1}{2}{0}\n", fence, printable_lines, end);
}

std::string shell_word(std::string_view printable_text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./+:@%,=").find(c) != std::string_view::npos;
  };
  if (!printable_text.empty() && std::all_of(printable_text.begin(), printable_text.end(), plain)) {
    return std::string(printable_text);
  }
  std::string quoted = "'";
  for (const char c : printable_text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace pstuck
