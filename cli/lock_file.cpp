#include "cli/lock_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

#include "attach/error.h"
#include "cli/rule_file.h"
#include "cli/toml_entry.h"
#include "symbolize/demangle.h"

// Every key is read through TomlEntry, which knows where it stands, so that a message can say
// file:line:column. What is not known is refused: a misspelt key would silently do nothing.

namespace pstuck {
namespace {

using Owner = LockDescription::Owner;
using OwnerUnit = LockDescription::OwnerUnit;
using Table = LockDescription::Table;
using Does = OwnLockFunction::Does;

constexpr std::string_view kSeeManual = "see LOCK FILES in pstuck(1)";
constexpr std::int64_t kMostArguments = 6;  // that x86-64 passes in registers
constexpr std::int64_t kMostOffset = std::numeric_limits<std::int32_t>::max();

constexpr std::array kUnits{std::pair{std::string_view("tid"), OwnerUnit::kTid},
                            std::pair{std::string_view("pthread_t"), OwnerUnit::kPthread},
                            std::pair{std::string_view("index"), OwnerUnit::kIndex}};
constexpr std::array kSlotUnits{kUnits[0], kUnits[1]};
constexpr std::array kSuccesses{std::pair{std::string_view("zero"), Does::kTriesForZero},
                                std::pair{std::string_view("nonzero"), Does::kTriesForOther}};

bool is_member_path(std::string_view path) {
  return !path.empty() && !path.starts_with('.') && !path.ends_with('.') &&
         path.find("..") == std::string_view::npos &&
         path.find_first_of(" []-<>:*&()") == std::string_view::npos;
}

/// The owner's size, or a slot's; 4 bytes, or those of a pthread_t.
std::size_t read_size(const TomlEntry& entry, OwnerUnit unit) {
  if (!entry.has("size")) return unit == OwnerUnit::kPthread ? 8 : 4;
  const std::uint64_t size = entry.number("size", 1, 8);
  const bool is_right = size == 8 || (size == 4 && unit != OwnerUnit::kPthread) ||
                        (size <= 2 && unit == OwnerUnit::kIndex);
  if (!is_right) {
    entry.refuse_at(entry.need("size"), fmt::format("an owner cannot have {} bytes", size),
                    "a tid has 4 or 8, a pthread_t has 8, an index 1, 2, 4 or 8");
  }
  return size;
}

/// "Type::member.member".
void parse_member(const std::string& text, const TomlEntry& lock, Owner& owner) {
  const std::size_t scope = find_last_scope(text);
  const bool is_qualified = scope != std::string::npos && scope > 0;
  if (!is_qualified || !is_member_path(std::string_view(text).substr(scope + 2))) {
    lock.refuse_at(lock.need("owner"), fmt::format("\"{}\" names no member of a type", text),
                   "write owner = \"ns::Type::member\" or \"ns::Type::member.member\"");
  }
  owner.type = text.substr(0, scope);
  owner.member = text.substr(scope + 2);
}

Table read_table(const TomlEntry& lock) {
  const TomlEntry entry = lock.table("owner_table");
  entry.allow_only({"variable", "member", "stride", "offset", "size", "unit", "first"});
  Table table{.variable = entry.text("variable")};
  if (entry.has("member") == entry.has("stride")) {
    entry.refuse_here("\"owner_table\" needs either \"member\" or \"stride\"",
                      "where in a slot is the thread's id: in a member of that name, by debug "
                      "information, or at an offset in slots of so many bytes?");
  }
  if (entry.has("unit")) table.unit = entry.choice("unit", kSlotUnits);
  if (entry.has("first")) table.first = entry.number("first", 0, kMostOffset);
  if (entry.has("member")) {
    entry.allow_only({"variable", "member", "unit", "first"});
    table.member = entry.text("member");
    if (is_member_path(table.member)) return table;
    entry.refuse_at(entry.need("member"), fmt::format("\"{}\" names no member", table.member),
                    "write member = \"tid\" or \"info.tid\"");
  }
  table.stride = entry.number("stride", 1, kMostOffset);
  if (entry.has("offset")) table.offset = entry.number("offset", 0, kMostOffset);
  table.size = read_size(entry, table.unit);
  if (table.offset + table.size > table.stride) {
    entry.refuse_here("a slot ends before the thread's id in it does",
                      "\"stride\" is the size of a slot, \"offset\" where in it the id begins");
  }
  return table;
}

Owner read_owner(const TomlEntry& lock) {
  Owner owner;
  if (lock.has("owner_unit")) owner.unit = lock.choice("owner_unit", kUnits);
  const toml::node& node = lock.need("owner");
  if (const auto* text = node.as_string()) {
    parse_member(text->get(), lock, owner);
  } else if (node.is_table()) {
    const TomlEntry entry = lock.table("owner");
    entry.allow_only({"offset", "size"});
    owner.offset = entry.number("offset", 0, kMostOffset);
    owner.size = read_size(entry, owner.unit);
  } else {
    lock.refuse_at(node, "\"owner\" is neither a text nor a table",
                   "write owner = \"Type::member\" or owner = { offset = 8, size = 4 }");
  }
  if (lock.has("owner_table") != (owner.unit == OwnerUnit::kIndex)) {
    lock.refuse_here("\"owner_table\" and owner_unit = \"index\" go together",
                     "an index says who the owner is only with the table of threads that it is "
                     "of");
  }
  if (lock.has("owner_table")) owner.table = read_table(lock);
  return owner;
}

/// One function, "f" or { function = "f", argument = 2 }.
OwnLockFunction read_function(const toml::node& node, std::string_view key, const TomlEntry& lock) {
  OwnLockFunction function;
  if (key == "gives_back") function.does = Does::kGivesBack;
  if (const auto* text = node.as_string(); text && !text->get().empty()) {
    function.name = text->get();
    return function;
  }
  if (!node.is_table()) {
    lock.refuse_at(node, fmt::format("\"{}\" has an item that is no function", key),
                   "write \"f\" or { function = \"f\", argument = 2 }");
  }
  const TomlEntry entry(*node.as_table(), lock.path(), std::string(key));
  if (key == "takes") {
    entry.allow_only({"function", "argument", "if_returns"});
    if (entry.has("if_returns")) function.does = entry.choice("if_returns", kSuccesses);
  } else {
    entry.allow_only({"function", "argument"});
  }
  function.name = entry.text("function");
  if (entry.has("argument")) function.argument = entry.number("argument", 1, kMostArguments);
  return function;
}

void read_functions(std::string_view key, const TomlEntry& entry, LockDescription& lock) {
  if (!entry.has(key)) return;
  const bool can_be_held = lock.wait == WaitKind::kLock || lock.wait == WaitKind::kReadLock ||
                           lock.wait == WaitKind::kWriteLock || lock.wait == WaitKind::kUnit;
  if (!can_be_held) {
    entry.refuse_at(entry.need(key), fmt::format("\"{}\" of what nobody can have", key),
                    "it goes with wait = \"lock\", \"read\", \"write\" or \"unit\"");
  }
  for (const toml::node& node : entry.list(key)) {
    OwnLockFunction function = read_function(node, key, entry);
    function.shared = lock.wait == WaitKind::kReadLock;
    function.counts_units = lock.wait == WaitKind::kUnit;
    lock.functions.push_back(std::move(function));
  }
}

LockDescription read_lock(const toml::table& table, const std::string& path) {
  const TomlEntry entry(table, path, "[[lock]]");
  entry.allow_only({"type", "waits_in", "wait", "futex_offset", "argument", "owner", "owner_unit",
                    "owner_table", "takes", "gives_back"});
  LockDescription lock{.type = entry.text("type"), .waits_in = entry.texts("waits_in")};
  if (entry.has("wait")) lock.wait = entry.choice("wait", kWaitWords);
  if (entry.has("futex_offset")) lock.futex_offset = entry.number("futex_offset", 0, kMostOffset);
  if (entry.has("argument")) lock.argument = entry.number("argument", 1, kMostArguments);
  if (lock.futex_offset.has_value() == lock.argument.has_value()) {
    entry.refuse_here("[[lock]] needs either \"futex_offset\" or \"argument\"",
                      "where does the lock lie: so far before the word that its waiters sleep "
                      "on, or at the address that the function gets as an argument?");
  }
  if (entry.has("owner")) lock.owner = read_owner(entry);
  for (const std::string_view key : {"owner_unit", "owner_table"}) {
    if (!entry.has(key) || lock.owner) continue;
    entry.refuse_here(fmt::format("\"{}\" without \"owner\"", key), std::string(kSeeManual));
  }
  read_functions("takes", entry, lock);
  read_functions("gives_back", entry, lock);
  return lock;
}

/// The tables of one list.
std::vector<const toml::table*> find_entries(const toml::table& document, std::string_view key,
                                             const std::string& path) {
  std::vector<const toml::table*> entries;
  const toml::node* node = document.get(key);
  if (!node) return entries;
  const std::string hint = fmt::format("write [[{}]]", key);
  const auto* list = node->as_array();
  if (!list) refuse(path, node->source(), fmt::format("\"{}\" is not a list", key), hint);
  for (const toml::node& item : *list) {
    const auto* table = item.as_table();
    if (!table)
      refuse(path, item.source(), fmt::format("\"{}\" has an item that is no table", key), hint);
    entries.push_back(table);
  }
  return entries;
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

LockFile parse_lock_file(std::string_view text, const std::string& path) {
  toml::table document;
  try {
    document = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    refuse(path, error.source(), std::string(error.description()), std::string(kSeeManual));
  }
  TomlEntry(document, path, "the file").allow_only({"lock", "idle", "ask", "semaphore_lock"});
  LockFile file;
  for (const toml::table* lock : find_entries(document, "lock", path)) {
    file.locks.push_back(read_lock(*lock, path));
  }
  for (const toml::table* rule : find_entries(document, "ask", path)) {
    file.rules.push_back(read_rule(*rule, Remark::Says::kAsk, path));
  }
  for (const toml::table* rule : find_entries(document, "idle", path)) {
    file.rules.push_back(read_rule(*rule, Remark::Says::kIdle, path));
  }
  for (const toml::table* rule : find_entries(document, "semaphore_lock", path)) {
    file.rules.push_back(read_rule(*rule, Remark::Says::kLock, path));
  }
  return file;
}

LockFile read_lock_files(const std::vector<std::string>& paths) {
  LockFile all;
  const auto add = [&](LockFile file) {
    std::ranges::move(file.locks, std::back_inserter(all.locks));
    std::ranges::move(file.rules, std::back_inserter(all.rules));
  };
  for (const std::string& path : paths) add(parse_lock_file(read_text(path), path));
  add(parse_lock_file(library_locks(), "library_locks.toml"));
  add(parse_lock_file(thread_rules(), "thread_rules.toml"));
  return all;
}

}  // namespace pstuck
