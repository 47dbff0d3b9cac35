#include "cli/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/escape.h"
#include "cli/function_names.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kWidestName = 64;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string module_place(const Location& location) {
  if (location.module.empty()) return "unknown code";
  return fmt::format("{}+{:#x}", printable(location.module, kWidestName), location.module_offset);
}

std::string line_label(const std::string& path, int line) {
  const std::string file = printable(base_name(path), kWidestName);
  return line > 0 ? fmt::format("{}:{}", file, line) : file;
}

std::string name_of(const Resource& resource) {
  std::string name = fitted_function(resource.name, kWidestName);
  if (resource.number > 0) name += fmt::format(" #{}", resource.number);
  return name;
}

/// Names that several locks share, as fitted ones may, get the address behind them.
std::vector<std::string> lock_names(const std::vector<Resource>& resources) {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> seen;
  for (const Resource& resource : resources) {
    const bool named = resource.kind != ResourceKind::kThread && !resource.name.empty();
    names.push_back(named ? name_of(resource) : "");
    ++seen[names.back()];
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || seen[names[i]] == 1) continue;
    names[i] += fmt::format(" at {:#x}", resources[i].address.value);
  }
  return names;
}

}  // namespace

Labels::Labels(const Report& report)
    : report_(&report),
      deadlock_of_(report.snapshot.threads.size()),
      locks_(lock_names(report.diagnosis.resources)),
      held_(report.snapshot.threads.size()) {
  const Diagnosis& diagnosis = report.diagnosis;
  for (const Finding& finding : diagnosis.findings) {
    if (finding.kind != FindingKind::kDeadlock || !finding.cycle) continue;
    for (const WaitIndex wait : diagnosis.cycles.at(*finding.cycle).waits) {
      deadlock_of_.at(diagnosis.waits.at(wait).thread) = deadlocks_;
    }
    ++deadlocks_;
  }
  for (const HeldLock& held : diagnosis.held) {
    const bool known = held.thread < held_.size() && held.resource < locks_.size();
    if (known) held_[held.thread].push_back(&held);
  }
}

Tid Labels::tid(ThreadIndex thread) const {
  const auto& threads = report_->snapshot.threads;
  return thread < threads.size() ? threads[thread].tid : Tid{};
}

std::vector<Tid> Labels::tids(const std::vector<ThreadIndex>& threads) const {
  std::vector<Tid> found;
  found.reserve(threads.size());
  for (const ThreadIndex thread : threads) found.push_back(tid(thread));
  return found;
}

const ThreadStatus& Labels::status(ThreadIndex thread) const {
  static const ThreadStatus kNone{};
  const auto& threads = report_->diagnosis.threads;
  return thread < threads.size() ? threads[thread] : kNone;
}

const Stack& Labels::stack(ThreadIndex thread) const {
  static const Stack kNone{};
  const auto& stacks = report_->stacks.stacks;
  return thread < stacks.size() ? stacks[thread] : kNone;
}

const Location* Labels::location(ThreadIndex thread, std::optional<std::size_t> frame) const {
  const auto& frames = stack(thread).frames;
  if (!frame || *frame >= frames.size()) return nullptr;
  const std::size_t location = frames[*frame].location;
  const auto& locations = report_->stacks.locations;
  return location < locations.size() ? &locations[location] : nullptr;
}

std::string Labels::thread(ThreadIndex thread) const {
  const auto& threads = report_->snapshot.threads;
  if (thread >= threads.size()) return "thread 0";
  const ThreadSnapshot& facts = threads[thread];
  const bool nested = facts.tid_in_target != facts.tid;
  const std::string inside =
      nested ? fmt::format(", {} in its namespace", facts.tid_in_target.value) : std::string();
  if (facts.name.empty()) return fmt::format("thread {}{}", facts.tid.value, inside);
  return fmt::format("{} ({}{})", printable(facts.name, kWidestName), facts.tid.value, inside);
}

std::string Labels::lock(ResourceIndex index) const {
  const bool named = index < locks_.size() && !locks_[index].empty();
  return named ? locks_[index] : lock_kind(index);
}

std::string Labels::lock_kind(ResourceIndex index) const {
  const auto& resources = report_->diagnosis.resources;
  if (index >= resources.size()) return "an unknown lock";
  const Resource& resource = resources[index];
  if (resource.kind == ResourceKind::kThread) {
    if (resource.holder.thread) return "the end of " + thread(*resource.holder.thread);
    return fmt::format("the end of the thread at {:#x}", resource.address.value);
  }
  return fmt::format("{} {:#x}", lock_words(resource), resource.address.value);
}

std::span<const HeldLock* const> Labels::held(ThreadIndex thread) const {
  if (thread >= held_.size()) return {};
  return held_[thread];
}

const HeldLock* Labels::held(ThreadIndex thread, ResourceIndex lock) const {
  const auto locks = held(thread);
  const auto found = std::ranges::find(locks, lock, &HeldLock::resource);
  return found == locks.end() ? nullptr : *found;
}

WaitIndex Labels::awaited_by(const Cycle& cycle, std::size_t member) const {
  const Diagnosis& diagnosis = report_->diagnosis;
  const ThreadIndex thread = diagnosis.waits.at(cycle.waits.at(member)).thread;
  const std::size_t size = cycle.waits.size();
  const auto has_part = [&](WaitIndex wait) {
    const Resource& resource = diagnosis.resources.at(diagnosis.waits.at(wait).resource);
    return std::ranges::find(resource.partners, thread, &Partner::thread) !=
           resource.partners.end();
  };
  for (std::size_t back = 1; back <= size; ++back) {
    const std::size_t i = (member + size - back) % size;
    if (cycle.holders.at(i) == thread) return cycle.waits[i];
  }
  const auto found = std::ranges::find_if(cycle.waits, has_part);
  return found == cycle.waits.end() ? cycle.waits.at(member) : *found;
}

const HeldLock* Labels::held(const Cycle& cycle, std::size_t member) const {
  const auto& waits = report_->diagnosis.waits;
  return held(waits.at(cycle.waits.at(member)).thread,
              waits.at(awaited_by(cycle, member)).resource);
}

const Acquisition* Labels::acquisition(const HeldLock* held) const {
  if (held == nullptr || !held->acquisition) return nullptr;
  return location(held->thread, held->acquisition->frame) ? &*held->acquisition : nullptr;
}

std::string Labels::process() const {
  const Process& process = report_->snapshot.process;
  std::string text = fmt::format(
      "{} (pid {}", process.name.empty() ? "process" : printable(process.name, kWidestName),
      process.pid.value);
  if (process.other_pid_namespace && process.pid_in_target != process.pid) {
    text += fmt::format(", {} in its own namespace", process.pid_in_target.value);
  }
  if (report_->snapshot.core) {
    const std::string& path = report_->snapshot.core->path;
    text += path == "-" ? ", core on standard input"
                        : fmt::format(", core {}", printable(base_name(path)));
  }
  if (report_->snapshot.saved) {
    text += fmt::format(", snapshot {}", printable(base_name(report_->snapshot.saved->path)));
  }
  const std::string& frozen = report_->snapshot.kernel.frozen_group;
  if (!frozen.empty()) text += ", frozen with control group " + printable(frozen);
  return text + ")";
}

std::string Labels::target() const {
  if (report_->snapshot.saved) return shell_word(printable(report_->snapshot.saved->path));
  if (report_->snapshot.core) return shell_word(printable(report_->snapshot.core->path));
  return fmt::format("{}", report_->snapshot.process.pid.value);
}

std::optional<std::size_t> Labels::deadlock_of(ThreadIndex thread) const {
  return thread < deadlock_of_.size() ? deadlock_of_[thread] : std::nullopt;
}

std::string command_words(const Process& process) {
  constexpr std::size_t kWidth = 160;
  std::string command;
  for (const std::string& argument : process.command_line) {
    const std::string word = shell_word(printable(argument, kWidth));
    if (columns(command) + columns(word) > kWidth) return command + " …";
    command += (command.empty() ? "" : " ") + word;
  }
  return command;
}

std::string function_label(const Location& location, std::size_t width) {
  if (location.function.empty()) return without_middle(module_place(location), width);
  return bare_function(location.function, width);
}

std::string signature_label(const Location& location, std::size_t width) {
  if (location.function.empty()) return without_middle(module_place(location), width);
  return fitted_function(location.function, width);
}

std::string place_label(const Location& location) {
  if (!location.file.empty()) return line_label(location.file, location.line);
  return location.function.empty() ? std::string() : printable(location.module, kWidestName);
}

std::string place_label(const Acquisition& acquisition, const Location& frame) {
  if (!acquisition.file.empty() && acquisition.line > 0) {
    return line_label(acquisition.file, acquisition.line);
  }
  return frame.file.empty() ? place_label(frame) : std::string();
}

std::string functions_label(const Stacks& stacks, const std::vector<std::size_t>& locations) {
  constexpr std::size_t kShown = 4;
  constexpr std::size_t kWidth = 40;
  std::string text;
  for (std::size_t i = 0; i < locations.size(); ++i) {
    if (i > 0) text += " ← ";
    if (locations.size() > kShown && i == kShown - 1) {
      i = locations.size() - 1;
      text += "… ← ";
    }
    text += function_label(stacks.locations.at(locations[i]), kWidth);
  }
  return text;
}

}  // namespace pstuck
