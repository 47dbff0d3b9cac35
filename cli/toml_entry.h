#pragma once

#include <toml++/toml.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/words.h"

namespace pstuck {

/// Throws Error with kUsage; its message begins with path:line:column.
[[noreturn]] void refuse(const std::string& path, const toml::source_region& where,
                         const std::string& what, const std::string& hint);

/// One table of a file in TOML and the keys that it may have. All that it reads it refuses where it
/// is not as the reader says.
class TomlEntry {
 public:
  /// The table and the path must outlive it. `name` is what messages call the table.
  TomlEntry(const toml::table& table, const std::string& path, std::string name)
      : table_(table), path_(path), name_(std::move(name)) {}

  void allow_only(std::initializer_list<std::string_view> keys) const;

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  [[nodiscard]] const toml::node& need(std::string_view key) const;
  [[nodiscard]] std::string text(std::string_view key) const;
  /// Not empty.
  [[nodiscard]] const toml::array& list(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] TomlEntry table(std::string_view key) const;
  [[nodiscard]] std::uint64_t number(std::string_view key, std::int64_t least,
                                     std::int64_t most) const;

  template <typename T, std::size_t N>
  [[nodiscard]] T choice(std::string_view key,
                         const std::array<std::pair<std::string_view, T>, N>& choices) const {
    const std::string word = text(key);
    std::vector<std::string> known;
    for (const auto& [name, value] : choices) {
      if (name == word) return value;
      known.emplace_back(name);
    }
    refuse_at(need(key), "\"" + std::string(key) + "\" cannot be \"" + word + "\"",
              "it is one of " + joined(known, ", "));
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  [[noreturn]] void refuse_here(const std::string& what, const std::string& hint) const {
    refuse(path_, table_.source(), what, hint);
  }
  [[noreturn]] void refuse_at(const toml::node& node, const std::string& what,
                              const std::string& hint) const {
    refuse(path_, node.source(), what, hint);
  }

 private:
  const toml::table& table_;
  const std::string& path_;
  std::string name_;
};

}  // namespace pstuck
