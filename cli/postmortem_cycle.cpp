#include "cli/postmortem_cycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "cli/escape.h"
#include "cli/palette.h"
#include "cli/postmortem_prompts.h"
#include "cli/text_page.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kShownMembers = 16;
constexpr std::size_t kShownStacks = 8;
constexpr std::size_t kShownFrames = 24;

/// The waits that a finding is about: its cycle, or those for its lock.
std::vector<Wait> waits_of(const Diagnosis& diagnosis, const Finding& finding) {
  std::vector<Wait> waits;
  if (finding.cycle) {
    for (const WaitIndex wait : diagnosis.cycles.at(*finding.cycle).waits) {
      waits.push_back(diagnosis.waits.at(wait));
    }
    return waits;
  }
  if (!finding.resource) return diagnosis.waits;
  std::copy_if(diagnosis.waits.begin(), diagnosis.waits.end(), std::back_inserter(waits),
               [&](const Wait& wait) { return wait.resource == finding.resource; });
  return waits;
}

std::string wait_words(const Sentences& sentences, const Wait& wait) {
  std::string text =
      fmt::format("waits {} {}", wait_words(wait.kind), sentences.lock(wait.resource));
  if (wait.frame) text += " in " + place_of_wait(sentences, wait);
  if (wait.waited) text += ", for " + duration_words(*wait.waited);
  if (wait.deadline) text += ", " + sentences.deadline(wait);
  return text;
}

/// "holds `g_router`, taken in `Router::dispatch` at `router.cpp:86`,".
std::string hold_words(const Sentences& sentences, const Cycle& cycle, std::size_t member) {
  const Diagnosis& diagnosis = sentences.labels().report().diagnosis;
  const Wait& before = diagnosis.waits.at(sentences.labels().awaited_by(cycle, member));
  const Resource& resource = diagnosis.resources.at(before.resource);
  if (before.kind == WaitKind::kJoin) return "is joined by " + sentences.thread(before.thread);
  const std::string taken = sentences.taken(sentences.labels().held(cycle, member));
  return fmt::format("{}{} {}{}", resource.holder.evidence == Evidence::kRecorded ? "" : "likely ",
                     part_words(resource, diagnosis.waits.at(cycle.waits[member]).thread),
                     sentences.lock(before.resource),
                     taken.empty() ? "" : fmt::format(", taken in {},", taken));
}

std::string cycle_lines(const Sentences& sentences, const Cycle& cycle) {
  const auto& waits = sentences.labels().report().diagnosis.waits;
  std::string text;
  for (std::size_t i = 0; i < cycle.waits.size() && i < kShownMembers; ++i) {
    const Wait& wait = waits.at(cycle.waits[i]);
    text += fmt::format("- {} {} and {}.\n", sentences.thread(wait.thread),
                        hold_words(sentences, cycle, i), wait_words(sentences, wait));
  }
  if (cycle.waits.size() > kShownMembers) {
    text += fmt::format("- {} in the same way.\n", count_words(cycle.waits.size() - kShownMembers,
                                                               "more thread", "more threads"));
  }
  return text;
}

std::string waiter_lines(const Sentences& sentences, const std::vector<Wait>& waits) {
  std::string text;
  for (std::size_t i = 0; i < waits.size() && i < kShownMembers; ++i) {
    text += fmt::format("- {} {}.\n", sentences.thread(waits[i].thread),
                        wait_words(sentences, waits[i]));
  }
  if (waits.size() > kShownMembers) {
    text += fmt::format(
        "- {} in the same way.\n",
        count_words(waits.size() - kShownMembers, "more thread waits", "more threads wait"));
  }
  return text;
}

/// "`g_a` is a mutex, and names its owner"; a thread's end has no owner but the thread.
std::string mutual_exclusion(const Sentences& sentences, const std::vector<Wait>& waits) {
  const auto& resources = sentences.labels().report().diagnosis.resources;
  std::vector<std::string> facts;
  for (const Wait& wait : waits) {
    const Resource& resource = resources.at(wait.resource);
    std::string fact = sentences.lock(wait.resource);
    fact += resource.kind == ResourceKind::kThread
                ? " can come about through that thread only"
                : fmt::format(" is {}, {}", with_article(lock_words(resource)),
                              sentences.holder(wait.resource));
    if (std::find(facts.begin(), facts.end(), fact) == facts.end()) facts.push_back(fact);
    if (facts.size() == kShownMembers) break;
  }
  return joined(facts, "; ");
}

std::string hold_and_wait(const Sentences& sentences, const Finding& finding) {
  if (finding.cycle) return "each thread above keeps what it has while it waits";
  const Diagnosis& diagnosis = sentences.labels().report().diagnosis;
  if (!finding.resource) return "each thread above keeps what it has while it waits";
  const ResourceIndex lock = *finding.resource;
  const Holder& holder = diagnosis.resources.at(lock).holder;
  if (holder.fate == OwnerFate::kThread && holder.thread) {
    const std::string taken = sentences.taken(sentences.labels().held(*holder.thread, lock));
    return fmt::format("{} keeps the lock{} and {}", sentences.thread(*holder.thread),
                       taken.empty() ? "" : fmt::format(", taken in {},", taken),
                       sentences.lasting_activity(*holder.thread));
  }
  return "not shown: the recorded owner is not there to wait for anything";
}

std::string no_preemption(const Sentences& sentences, const std::vector<Wait>& waits) {
  for (const Wait& wait : waits) {
    if (!wait.deadline) continue;
    return fmt::format("only for a time: the wait of {} {}", sentences.thread(wait.thread),
                       sentences.deadline(wait));
  }
  return "no wait above has a timeout, and only who has a lock can give it back";
}

std::string circular_wait(const Sentences& sentences, const Finding& finding,
                          const std::vector<Wait>& waits) {
  if (!finding.cycle) return "not shown: the waits end without a circle";
  const Diagnosis& diagnosis = sentences.labels().report().diagnosis;
  if (!diagnosis.cycles.at(*finding.cycle).ring) {
    return "each of them waits for others of them, in more than one circle";
  }
  std::string text;
  for (std::size_t i = 0; i < waits.size() && i < kShownMembers; ++i) {
    text += sentences.thread(waits[i].thread) + " → ";
  }
  if (waits.size() > kShownMembers) text += "… → ";
  return text + sentences.thread(waits.front().thread);
}

std::string conditions(const Sentences& sentences, const Finding& finding,
                       const std::vector<Wait>& waits) {
  return fmt::format(
      "The four conditions of a deadlock:\n\n"
      "1. Mutual exclusion: {}.\n"
      "2. Hold and wait: {}.\n"
      "3. No preemption: {}.\n"
      "4. Circular wait: {}.\n",
      mutual_exclusion(sentences, waits), hold_and_wait(sentences, finding),
      no_preemption(sentences, waits), circular_wait(sentences, finding, waits));
}

/// A stack to show, and the lock that its thread holds as far as the finding is about it.
struct ShownStack {
  ThreadIndex thread = 0;
  std::optional<ResourceIndex> held;
};

std::vector<ShownStack> stacks_of(const Labels& labels, const Finding& finding,
                                  const std::vector<Wait>& waits) {
  const Diagnosis& diagnosis = labels.report().diagnosis;
  std::vector<ShownStack> stacks;
  if (finding.cycle) {
    for (std::size_t i = 0; i < waits.size() && i < kShownStacks; ++i) {
      const Cycle& cycle = diagnosis.cycles.at(*finding.cycle);
      const WaitIndex awaited_by = labels.awaited_by(cycle, i);
      stacks.push_back({waits[i].thread, diagnosis.waits.at(awaited_by).resource});
    }
    return stacks;
  }
  if (finding.resource && *finding.resource < diagnosis.resources.size()) {
    const auto& blocker = diagnosis.resources[*finding.resource].blocker;
    if (blocker) stacks.push_back({*blocker, finding.resource});
  }
  if (!waits.empty()) stacks.push_back({waits.front().thread, {}});
  return stacks;
}

std::string stack_block(const Report& report, const Finding& finding,
                        const std::vector<Wait>& waits) {
  std::ostringstream lines;
  const Palette plain;
  const TextPage page(report, plain, lines);
  for (const ShownStack& shown : stacks_of(page.labels(), finding, waits)) {
    const FrameRange range =
        range_with_lock(page, {shown.thread, 0, kShownFrames, "  ", true}, shown.held);
    lines << page.sentences.thread(shown.thread) << '\n';
    print_frames(page, range);
    print_other_locks(page, range, shown.held);
  }
  return markdown_block(lines.str());
}

}  // namespace

std::string postmortem_cycle(const Sentences& sentences, const Finding& finding) {
  const Report& report = sentences.labels().report();
  const std::vector<Wait> waits = waits_of(report.diagnosis, finding);
  if (waits.empty()) return sentences.verdict(finding) + ".\n";
  return fmt::format("{}\n\n{}\n{}\n\n{}\n{}", sentences.verdict(finding) + ".",
                     finding.cycle
                         ? cycle_lines(sentences, report.diagnosis.cycles.at(*finding.cycle))
                         : waiter_lines(sentences, waits),
                     sentences.evidence(finding), conditions(sentences, finding, waits),
                     stack_block(report, finding, waits));
}

}  // namespace pstuck
