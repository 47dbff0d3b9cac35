#include "cli/rule_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "attach/syscalls.h"
#include "cli/lock_file.h"

namespace pstuck {
namespace {

void read_what_for(const TomlEntry& entry, ThreadRule& rule) {
  for (const std::string& word : entry.texts("waits_for")) {
    const auto* kind = std::ranges::find(kWaitWords, word, &WaitWord::first);
    if (kind != kWaitWords.end()) {
      rule.waits_for.push_back(kind->second);
    } else if (const BlockingCall* call = find_blocking_call(std::string_view(word))) {
      rule.calls.push_back(call->number);
    } else {
      entry.refuse_at(entry.need("waits_for"),
                      fmt::format("\"waits_for\" has \"{}\", which threads do not wait for", word),
                      "write what \"wait\" of [[lock]] can be, or the name of a system call");
    }
  }
}

std::string_view name_of(Remark::Says says) {
  switch (says) {
    case Remark::Says::kIdle:
      return "[[idle]]";
    case Remark::Says::kAsk:
      return "[[ask]]";
    case Remark::Says::kLock:
      break;
  }
  return "[[semaphore_lock]]";
}

}  // namespace

ThreadRule read_rule(const toml::table& table, Remark::Says says, const std::string& path) {
  const bool is_ask = says == Remark::Says::kAsk;
  const TomlEntry entry(table, path, std::string(name_of(says)));
  if (is_ask) {
    entry.allow_only(
        {"waits_in", "under", "not_under", "modules", "process", "waits_for", "reason", "command"});
  } else {
    entry.allow_only(
        {"waits_in", "under", "not_under", "modules", "process", "waits_for", "reason"});
  }
  ThreadRule rule{.remark = {.says = says, .reason = entry.text("reason")}};
  for (const auto& [key, patterns] :
       {std::pair{"waits_in", &rule.waits_in}, std::pair{"under", &rule.under},
        std::pair{"not_under", &rule.not_under}, std::pair{"modules", &rule.modules}}) {
    if (entry.has(key)) *patterns = entry.texts(key);
  }
  if (rule.waits_in.empty() && rule.under.empty() && rule.modules.empty()) {
    entry.refuse_here("a rule needs \"waits_in\", \"under\" or \"modules\"",
                      "which functions, or which modules, are its threads in?");
  }
  if (entry.has("process")) rule.process = entry.text("process");
  if (entry.has("waits_for")) read_what_for(entry, rule);
  if (is_ask) rule.remark.command = entry.text("command");
  return rule;
}

}  // namespace pstuck
