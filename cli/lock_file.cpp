#include "cli/lock_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "attach/error.h"
#include "cli/words.h"

// Every key is read through Entry, which knows where it stands, so that a message can say
// file:line:column. What is not known is refused: a misspelt key would silently do nothing.

namespace pstuck {
namespace {

constexpr std::string_view kSeeManual = "see LOCK FILES in pstuck(1)";
constexpr std::int64_t kMostArguments = 6;  // that x86-64 passes in registers

constexpr std::array kWaits{
    std::pair{std::string_view("lock"), WaitKind::kLock},
    std::pair{std::string_view("read"), WaitKind::kReadLock},
    std::pair{std::string_view("write"), WaitKind::kWriteLock},
    std::pair{std::string_view("unit"), WaitKind::kUnit},
    std::pair{std::string_view("notification"), WaitKind::kNotification},
    std::pair{std::string_view("arrivals"), WaitKind::kArrivals},
    std::pair{std::string_view("result"), WaitKind::kResult},
    std::pair{std::string_view("change"), WaitKind::kChange},
    std::pair{std::string_view("initialisation"), WaitKind::kInitialisation}};
using OwnerUnit = LockDescription::OwnerUnit;
constexpr std::array kUnits{std::pair{std::string_view("tid"), OwnerUnit::kTid},
                            std::pair{std::string_view("pthread_t"), OwnerUnit::kPthread}};

[[noreturn]] void refuse(const std::string& path, const toml::source_region& where,
                         const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::kUsage,
              fmt::format("{}:{}:{}: {}", path, where.begin.line, where.begin.column, what), hint);
}

/// One table and the keys that it may have.
class Entry {
 public:
  Entry(const toml::table& table, const std::string& path, std::string name)
      : table_(table), path_(path), name_(std::move(name)) {}

  void allow_only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : table_) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      refuse_at(key.source(), fmt::format("{} has no key \"{}\"", name_, key.str()),
                "its keys are " + joined({keys.begin(), keys.end()}, ", "));
    }
  }

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

  [[nodiscard]] std::string text(std::string_view key) const {
    const toml::node& node = need(key);
    const auto* value = node.as_string();
    if (!value || value->get().empty()) {
      refuse_at(node.source(), fmt::format("\"{}\" is not a text", key), "write it as \"…\"");
    }
    return value->get();
  }

  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const {
    const toml::node& node = need(key);
    std::vector<std::string> texts;
    if (const auto* list = node.as_array()) {
      for (const toml::node& item : *list) {
        const auto* value = item.as_string();
        if (!value || value->get().empty()) {
          refuse_at(item.source(), fmt::format("\"{}\" has an item that is not a text", key),
                    "write each as \"…\"");
        }
        texts.push_back(value->get());
      }
    }
    if (texts.empty()) {
      refuse_at(node.source(), fmt::format("\"{}\" is not a list of texts", key),
                fmt::format("write {} = [\"…\"]", key));
    }
    return texts;
  }

  [[nodiscard]] std::uint64_t number(std::string_view key, std::int64_t least,
                                     std::int64_t most) const {
    const toml::node& node = need(key);
    const auto* value = node.as_integer();
    if (!value || value->get() < least || value->get() > most) {
      refuse_at(node.source(),
                fmt::format("\"{}\" is not a number from {} to {}", key, least, most), {});
    }
    return static_cast<std::uint64_t>(value->get());
  }

  template <typename T, std::size_t N>
  [[nodiscard]] T choice(std::string_view key,
                         const std::array<std::pair<std::string_view, T>, N>& choices) const {
    const std::string word = text(key);
    std::vector<std::string> known;
    for (const auto& [name, value] : choices) {
      if (name == word) return value;
      known.emplace_back(name);
    }
    refuse_at(need(key).source(), fmt::format("\"{}\" cannot be \"{}\"", key, word),
              "it is one of " + joined(known, ", "));
  }

  [[nodiscard]] const toml::node& need(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (!node) refuse_here(fmt::format("{} lacks \"{}\"", name_, key), std::string(kSeeManual));
    return *node;
  }

  [[noreturn]] void refuse_here(const std::string& what, const std::string& hint) const {
    refuse_at(table_.source(), what, hint);
  }

  [[noreturn]] void refuse_at(const toml::source_region& where, const std::string& what,
                              const std::string& hint) const {
    refuse(path_, where, what, hint);
  }

 private:
  const toml::table& table_;
  const std::string& path_;
  std::string name_;
};

constexpr std::int64_t kMostOffset = std::numeric_limits<std::int32_t>::max();

LockDescription::Owner read_owner(const Entry& lock, const std::string& path) {
  const toml::node& node = lock.need("owner");
  const auto* table = node.as_table();
  if (!table) {
    lock.refuse_at(node.source(), "\"owner\" is not a table",
                   "write owner = { offset = 8, size = 4 }");
  }
  const Entry entry(*table, path, "owner");
  entry.allow_only({"offset", "size"});
  LockDescription::Owner owner{.offset = entry.number("offset", 0, kMostOffset)};
  if (lock.has("owner_unit")) owner.unit = lock.choice("owner_unit", kUnits);
  const bool is_pthread = owner.unit == OwnerUnit::kPthread;
  owner.size = is_pthread ? 8 : 4;
  if (entry.has("size")) owner.size = entry.number("size", 4, 8);
  if ((owner.size != 4 && owner.size != 8) || (is_pthread && owner.size != 8)) {
    lock.refuse_at(node.source(), fmt::format("an owner cannot have {} bytes", owner.size),
                   "a tid has 4 or 8, a pthread_t has 8");
  }
  return owner;
}

LockDescription read_lock(const toml::table& table, const std::string& path) {
  const Entry entry(table, path, "[[lock]]");
  entry.allow_only({"type", "waits_in", "wait", "futex_offset", "argument", "owner", "owner_unit"});
  LockDescription lock{.type = entry.text("type"), .waits_in = entry.texts("waits_in")};
  if (entry.has("wait")) lock.wait = entry.choice("wait", kWaits);
  if (entry.has("futex_offset")) lock.futex_offset = entry.number("futex_offset", 0, kMostOffset);
  if (entry.has("argument")) lock.argument = entry.number("argument", 1, kMostArguments);
  if (lock.futex_offset.has_value() == lock.argument.has_value()) {
    entry.refuse_here("[[lock]] needs either \"futex_offset\" or \"argument\"",
                      "where does the lock lie: so far before the word that its waiters sleep "
                      "on, or at the address that the function gets as an argument?");
  }
  if (entry.has("owner")) lock.owner = read_owner(entry, path);
  if (entry.has("owner_unit") && !lock.owner) {
    entry.refuse_here("\"owner_unit\" without \"owner\"", std::string(kSeeManual));
  }
  return lock;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorKind::kUnreadable, fmt::format("cannot read the lock file {}", path),
                "does it exist, and may you read it?");
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<LockDescription> parse_lock_file(std::string_view text, const std::string& path) {
  toml::table document;
  try {
    document = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    refuse(path, error.source(), std::string(error.description()), std::string(kSeeManual));
  }
  Entry(document, path, "the file").allow_only({"lock"});
  std::vector<LockDescription> locks;
  const toml::node* node = document.get("lock");
  if (!node) return locks;
  const auto* list = node->as_array();
  if (!list) refuse(path, node->source(), "\"lock\" is not a list", "write [[lock]]");
  for (const toml::node& item : *list) {
    const auto* table = item.as_table();
    if (!table) refuse(path, item.source(), "a lock is not a table", "write [[lock]]");
    locks.push_back(read_lock(*table, path));
  }
  return locks;
}

std::vector<LockDescription> read_lock_files(const std::vector<std::string>& paths) {
  std::vector<LockDescription> locks;
  for (const std::string& path : paths) {
    const auto own = parse_lock_file(read_text(path), path);
    locks.insert(locks.end(), own.begin(), own.end());
  }
  const auto known = parse_lock_file(library_locks(), "library_locks.toml");
  locks.insert(locks.end(), known.begin(), known.end());
  return locks;
}

}  // namespace pstuck
