#include "cli/labels.h"

#include <fmt/format.h>

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

}  // namespace

Labels::Labels(const Report& report)
    : report_(&report),
      deadlock_of_(report.snapshot.threads.size()),
      shares_its_name_(report.diagnosis.resources.size()) {
  const Diagnosis& diagnosis = report.diagnosis;
  for (const Finding& finding : diagnosis.findings) {
    if (finding.kind != FindingKind::kDeadlock || !finding.cycle) continue;
    for (const WaitIndex wait : diagnosis.cycles.at(*finding.cycle).waits) {
      deadlock_of_.at(diagnosis.waits.at(wait).thread) = deadlocks_;
    }
    ++deadlocks_;
  }
  std::map<std::string_view, std::size_t> named;
  for (const Resource& resource : diagnosis.resources) ++named[resource.name];
  for (std::size_t i = 0; i < diagnosis.resources.size(); ++i) {
    shares_its_name_[i] = named[diagnosis.resources[i].name] > 1;
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
  const std::string& name = thread < threads.size() ? threads[thread].name : std::string();
  if (name.empty()) return fmt::format("thread {}", tid(thread).value);
  return fmt::format("{} ({})", printable(name, kWidestName), tid(thread).value);
}

std::string Labels::lock(ResourceIndex index) const {
  const auto& resources = report_->diagnosis.resources;
  if (index >= resources.size()) return "an unknown lock";
  const Resource& resource = resources[index];
  if (resource.kind == ResourceKind::kThread || resource.name.empty()) return lock_kind(index);
  const std::string name = fitted_function(resource.name, kWidestName);
  if (!shares_its_name_[index]) return name;
  return fmt::format("{} at {:#x}", name, resource.address.value);
}

std::string Labels::lock_kind(ResourceIndex index) const {
  const auto& resources = report_->diagnosis.resources;
  if (index >= resources.size()) return "an unknown lock";
  const Resource& resource = resources[index];
  if (resource.kind == ResourceKind::kThread) {
    if (resource.holder.thread) return "the end of " + thread(*resource.holder.thread);
    return fmt::format("the end of the thread at {:#x}", resource.address.value);
  }
  return fmt::format("{} {:#x}", mutex_words(resource.mutex.value_or(MutexTraits{})),
                     resource.address.value);
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
    text += fmt::format(", core {}", printable(base_name(report_->snapshot.core->path)));
  }
  return text + ")";
}

std::string Labels::target() const {
  if (report_->snapshot.core) return shell_word(printable(report_->snapshot.core->path));
  return fmt::format("{}", report_->snapshot.process.pid.value);
}

std::optional<std::size_t> Labels::deadlock_of(ThreadIndex thread) const {
  return thread < deadlock_of_.size() ? deadlock_of_[thread] : std::nullopt;
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
  if (!location.file.empty()) {
    const std::string file = printable(base_name(location.file), kWidestName);
    return location.line > 0 ? fmt::format("{}:{}", file, location.line) : file;
  }
  return printable(location.module, kWidestName);
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
