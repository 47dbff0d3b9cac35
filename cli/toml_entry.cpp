#include "cli/toml_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "attach/error.h"

namespace pstuck {

void refuse(const std::string& path, const toml::source_region& where, const std::string& what,
            const std::string& hint) {
  throw Error(ErrorKind::kUsage,
              fmt::format("{}:{}:{}: {}", path, where.begin.line, where.begin.column, what), hint);
}

void TomlEntry::allow_only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : table_) {
    if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
    refuse(path_, key.source(), fmt::format("{} has no key \"{}\"", name_, key.str()),
           "its keys are " + joined({keys.begin(), keys.end()}, ", "));
  }
}

const toml::node& TomlEntry::need(std::string_view key) const {
  const toml::node* node = table_.get(key);
  if (!node) refuse_here(fmt::format("{} lacks \"{}\"", name_, key), "see LOCK FILES in pstuck(1)");
  return *node;
}

std::string TomlEntry::text(std::string_view key) const {
  const toml::node& node = need(key);
  const auto* value = node.as_string();
  if (!value || value->get().empty()) {
    refuse_at(node, fmt::format("\"{}\" is not a text", key), "write it as \"…\"");
  }
  return value->get();
}

const toml::array& TomlEntry::list(std::string_view key) const {
  const toml::node& node = need(key);
  const auto* list = node.as_array();
  if (!list || list->empty()) {
    refuse_at(node, fmt::format("\"{}\" is not a list of texts", key),
              fmt::format("write {} = [\"…\"]", key));
  }
  return *list;
}

std::vector<std::string> TomlEntry::texts(std::string_view key) const {
  std::vector<std::string> texts;
  for (const toml::node& item : list(key)) {
    const auto* value = item.as_string();
    if (!value || value->get().empty()) {
      refuse_at(item, fmt::format("\"{}\" has an item that is not a text", key),
                "write each as \"…\"");
    }
    texts.push_back(value->get());
  }
  return texts;
}

TomlEntry TomlEntry::table(std::string_view key) const {
  const toml::node& node = need(key);
  if (!node.is_table()) {
    refuse_at(node, fmt::format("\"{}\" is not a table", key),
              fmt::format("write {} = {{ … }}", key));
  }
  return {*node.as_table(), path_, fmt::format("\"{}\"", key)};
}

std::uint64_t TomlEntry::number(std::string_view key, std::int64_t least, std::int64_t most) const {
  const toml::node& node = need(key);
  const auto* value = node.as_integer();
  if (!value || value->get() < least || value->get() > most) {
    refuse_at(node, fmt::format("\"{}\" is not a number from {} to {}", key, least, most), {});
  }
  return static_cast<std::uint64_t>(value->get());
}

}  // namespace pstuck
