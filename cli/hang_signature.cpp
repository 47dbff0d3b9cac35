#include "cli/hang_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/escape.h"
#include "cli/function_names.h"
#include "cli/json_words.h"
#include "cli/labels.h"
#include "cli/renderers.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kWidth = 120;
constexpr std::string_view kBetween = " · ";

/// FNV-1a, 64 bits (Fowler, Noll, Vo): small, and the same for ever.
std::string hash_words(std::string_view words) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : words) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

/// "slots[3].mu+0x28" → "slots[].mu": which one of many it was differs each time.
std::string without_numbers(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '+' && i + 1 < name.size() && name[i + 1] >= '0' && name[i + 1] <= '9') break;
    text += name[i];
    if (name[i] != '[') continue;
    while (i + 1 < name.size() && name[i + 1] >= '0' && name[i + 1] <= '9') ++i;
  }
  return text;
}

class SignatureWords {
 public:
  explicit SignatureWords(const Report& report) : labels_(report) {}

  [[nodiscard]] std::string wait(WaitIndex index) const {
    const Wait& wait = diagnosis().waits.at(index);
    return fmt::format("{} wants {}", function(wait.thread, wait.frame), lock(wait.resource));
  }

  /// Of the thread that must move first, and of what it does instead.
  [[nodiscard]] std::string thread(ThreadIndex index) const {
    const ThreadStatus& status = labels_.status(index);
    std::string does(json_word(status.activity));
    if (status.syscall >= 0) does = fmt::format("in {}", syscall_name(status.syscall));
    return fmt::format("{} {}", function(index, status.frame), does);
  }

  [[nodiscard]] std::string lock(ResourceIndex index) const {
    const Resource& resource = diagnosis().resources.at(index);
    if (!resource.name.empty()) return printable(without_numbers(resource.name), kWidth);
    if (!resource.type.empty()) return printable(resource.type, kWidth);
    return std::string(json_word(resource.kind));
  }

 private:
  [[nodiscard]] const Diagnosis& diagnosis() const { return labels_.report().diagnosis; }

  [[nodiscard]] std::string function(ThreadIndex thread, std::optional<std::size_t> frame) const {
    const Location* const location = labels_.location(thread, frame);
    if (location == nullptr) return "code";
    if (!location->function.empty()) return bare_function(location->function, kWidth);
    return printable(location->module.empty() ? "code" : location->module, kWidth);
  }

  Labels labels_;
};

std::string joined_words(const std::vector<std::string>& parts) {
  std::string words;
  for (const std::string& part : parts) {
    if (!words.empty()) words += kBetween;
    words += part;
  }
  return words;
}

/// A ring from the part that comes first in the alphabet: where it was entered does not matter.
/// Neighbours that are alike count once, so that it is the same for any number of them.
std::string ring_words(std::vector<std::string> parts) {
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  if (parts.size() > 1 && parts.front() == parts.back()) parts.pop_back();
  std::vector<std::string> least = parts;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    std::rotate(parts.begin(), parts.begin() + 1, parts.end());
    least = std::min(least, parts);
  }
  return joined_words(least);
}

std::string set_words(std::vector<std::string> parts) {
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return joined_words(parts);
}

HangSignature sign(std::string_view kind, std::string words) {
  std::string id = hash_words(fmt::format("{}: {}", kind, words));
  return {std::move(id), std::string(kind), std::move(words)};
}

std::vector<std::string> member_words(const std::vector<ThreadRef>& members,
                                      const Reports& reports) {
  std::vector<std::string> parts;
  for (const ThreadRef& member : members) {
    const Report& report = reports.process(member.process);
    parts.push_back(fmt::format("{} {}", printable(report.snapshot.process.name, kWidth),
                                SignatureWords(report).thread(member.thread)));
  }
  return parts;
}

HangSignature sign(const CrossCycle& cycle, const Reports& reports) {
  std::vector<std::string> parts = member_words(cycle.members, reports);
  return sign("deadlock", cycle.ring ? ring_words(std::move(parts)) : set_words(std::move(parts)));
}

HangSignature sign(const CrossRoot& root, const Reports& reports) {
  std::vector<std::string> parts = member_words(root.path, reports);
  const std::string& end = reports.process(root.process).snapshot.process.name;
  if (!root.thread) parts.push_back(printable(end, kWidth));
  return sign("held_up", joined_words(parts));
}

HangSignature sign(const Finding& finding, const Report& report) {
  const SignatureWords words(report);
  const Diagnosis& diagnosis = report.diagnosis;
  std::vector<std::string> parts;
  if (finding.cycle) {
    const Cycle& cycle = diagnosis.cycles.at(*finding.cycle);
    for (const WaitIndex wait : cycle.waits) parts.push_back(words.wait(wait));
    return sign(json_word(finding.kind),
                cycle.ring ? ring_words(std::move(parts)) : set_words(std::move(parts)));
  }
  for (WaitIndex i = 0; i < diagnosis.waits.size(); ++i) {
    if (!finding.resource || diagnosis.waits[i].resource == *finding.resource) {
      parts.push_back(words.wait(i));
    }
  }
  std::string all = set_words(std::move(parts));
  const auto holder = finding.resource ? diagnosis.resources.at(*finding.resource).holder.thread
                                       : std::optional<ThreadIndex>();
  if (holder) all += fmt::format("{}held by {}", kBetween, words.thread(*holder));
  return sign(json_word(finding.kind), std::move(all));
}

HangSignature sign(const RootBlocker& root, const Report& report) {
  const SignatureWords words(report);
  std::vector<std::string> parts;
  for (const PileUpIndex pile_up : root.pile_ups) {
    parts.push_back(words.lock(report.diagnosis.pile_ups.at(pile_up).resource));
  }
  return sign("held_up", fmt::format("{}{}held by {}", set_words(std::move(parts)), kBetween,
                                     words.thread(root.thread.value_or(0))));
}

}  // namespace

std::optional<HangSignature> find_hang_signature(const Reports& reports) {
  if (!reports.across.cycles.empty()) return sign(reports.across.cycles.front(), reports);
  for (const Report& report : reports.targets) {
    if (!report.diagnosis.findings.empty()) return sign(report.diagnosis.findings.front(), report);
  }
  for (const Report& report : reports.targets) {
    const auto& roots = report.diagnosis.root_blockers;
    const auto blocks = [](const RootBlocker& root) {
      return root.thread && !root.pile_ups.empty();
    };
    const auto root = std::ranges::find_if(roots, blocks);
    if (!is_calm(report) && root != roots.end()) return sign(*root, report);
  }
  if (!reports.across.roots.empty()) return sign(reports.across.roots.front(), reports);
  return std::nullopt;
}

}  // namespace pstuck
