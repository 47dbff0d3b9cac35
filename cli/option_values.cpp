#include "cli/option_values.h"

#include <charconv>
#include <optional>

#include "attach/error.h"

namespace pstuck {
namespace {

/// A whole number and what follows it; none when it does not begin with one that fits.
std::optional<std::pair<std::size_t, std::string_view>> number(std::string_view word) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc()) return std::nullopt;
  return std::pair(value, word.substr(static_cast<std::size_t>(end - word.data())));
}

/// What a number of bytes is counted in; none for a suffix that means nothing.
std::optional<std::size_t> unit_of(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, int>, 7> kShifts{
      {{"", 0}, {"K", 10}, {"k", 10}, {"M", 20}, {"m", 20}, {"G", 30}, {"g", 30}}};
  for (const auto& [name, shift] : kShifts) {
    if (name == suffix) return std::size_t{1} << shift;
  }
  return std::nullopt;
}

/// What a time is counted in; none for a suffix that means nothing.
std::optional<std::chrono::milliseconds> time_unit_of(std::string_view suffix) {
  using std::chrono::milliseconds;
  constexpr std::array<std::pair<std::string_view, milliseconds>, 4> kUnits{
      {{"ms", milliseconds(1)},
       {"s", std::chrono::seconds(1)},
       {"m", std::chrono::minutes(1)},
       {"h", std::chrono::hours(1)}}};
  for (const auto& [name, unit] : kUnits) {
    if (name == suffix) return unit;
  }
  return std::nullopt;
}

}  // namespace

void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorKind::kUsage, message, hint);
}

void refuse_value(std::string_view option, const std::string& word, const std::string& hint) {
  refuse(fmt::format("{} cannot be \"{}\"", option, word), hint);
}

std::size_t parse_count(std::string_view option, const std::string& word, const std::string& hint) {
  const auto parsed = number(word);
  if (!parsed || !parsed->second.empty()) {
    refuse_value(option, word, hint);
  }
  return parsed->first;
}

std::size_t parse_bytes(std::string_view option, const std::string& word, std::size_t most,
                        const std::string& hint) {
  const auto parsed = number(word);
  const auto unit = parsed ? unit_of(parsed->second) : std::nullopt;
  if (!unit || parsed->first > most / *unit) {
    refuse_value(option, word, hint);
  }
  return parsed->first * *unit;
}

std::chrono::milliseconds parse_time(std::string_view option, const std::string& word,
                                     std::chrono::milliseconds most, const std::string& hint) {
  const auto parsed = number(word);
  const auto unit = parsed ? time_unit_of(parsed->second) : std::nullopt;
  if (!unit || parsed->first < 1 || parsed->first > static_cast<std::size_t>(most / *unit)) {
    refuse_value(option, word, hint);
  }
  return *unit * parsed->first;
}

std::chrono::milliseconds parse_limit(std::string_view option, const std::string& word) {
  return parse_time(option, word, std::chrono::hours(24 * 365),
                    "it is a time, like 90s, 10m or 2h");
}

Tid parse_process(std::string_view option, const std::string& word) {
  Tid id;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id.value);
  if (error != std::errc() || end != word.data() + word.size() || id.value <= 0) {
    refuse_value(option, word, "it is a number, as ps shows it");
  }
  return id;
}

}  // namespace pstuck
