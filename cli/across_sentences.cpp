#include "cli/across_sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kDot = " · ";
constexpr std::size_t kShownProcesses = 6;

std::string stood_still_words(const Confirmation& confirmation) {
  return fmt::format("{} between two reads {} apart",
                     confirmation.counters_seen ? "ran" : "was seen to move",
                     duration_words(confirmation.gap));
}

}  // namespace

AcrossSentences::AcrossSentences(const Reports& reports, const Ink& ink) : reports_(reports) {
  for (ProcessIndex i = 0; i < reports.size(); ++i) {
    sentences_.emplace_back(reports.process(i), ink, Sentences::Detail::kOwn);
  }
}

std::vector<ProcessIndex> AcrossSentences::processes(const CrossCycle& cycle) {
  std::set<ProcessIndex> processes;
  for (const ThreadRef& member : cycle.members) processes.insert(member.process);
  return {processes.begin(), processes.end()};
}

std::string AcrossSentences::verdict(const CrossCycle& cycle) const {
  std::vector<std::string> names;
  const auto all = processes(cycle);
  for (const ProcessIndex process : all) {
    if (names.size() < kShownProcesses) names.push_back(of(process).process());
  }
  if (all.size() > names.size()) {
    names.push_back(fmt::format("{} more processes", all.size() - names.size()));
  }
  std::string text = list_words(names);
  if (all.size() == 1) {
    text += " waits for itself";
  } else {
    text += " wait for each other";
  }
  if (cycle.since) text += fmt::format("{}for {}", kDot, duration_words(*cycle.since));
  if (cycle.ends_by_itself) {
    text += fmt::format("{}breaks by itself in {}", kDot, duration_words(*cycle.ends_by_itself));
  }
  const std::size_t behind = cycle.stuck_behind.size();
  if (behind > 0) {
    text += fmt::format("{}{} stuck behind {}", kDot,
                        count_words(behind, "more thread is", "more threads are"),
                        cycle.members.size() == 1 ? "it" : "them");
  }
  return text;
}

std::string AcrossSentences::member(const ThreadRef& member) const {
  const Report& report = reports_.process(member.process);
  if (report.snapshot.threads.size() == 1) return of(member.process).process();
  return fmt::format("{} of {}", of(member.process).thread(member.thread),
                     of(member.process).process());
}

std::string AcrossSentences::want(const ThreadRef& member) const {
  const Sentences& sentences = of(member.process);
  std::string text = sentences.activity(member.thread);
  const auto& status = sentences.labels().status(member.thread);
  if (status.wait) {
    const auto& wait = sentences.labels().report().diagnosis.waits.at(*status.wait);
    text += ", " + sentences.holder(wait.resource);
  }
  return text;
}

std::string AcrossSentences::root(const CrossRoot& root) const {
  const std::size_t victims = root.victims.size();
  const std::string text =
      fmt::format("{} {} in the end for ", count_words(victims, "thread", "threads"),
                  verb_for(victims, "waits", "wait"));
  if (root.thread) {
    const ThreadRef end{root.process, *root.thread};
    return fmt::format("{}{}, which {}", text, member(end), want(end));
  }
  const std::size_t threads = reports_.process(root.process).snapshot.threads.size();
  return fmt::format("{}{}, any of whose {} may act", text, of(root.process).process(),
                     count_words(threads, "thread", "threads"));
}

std::string AcrossSentences::evidence(const CrossCycle& cycle) const {
  const auto locks = std::ranges::count_if(cycle.members, [&](const ThreadRef& member) {
    return of(member.process).labels().status(member.thread).wait.has_value();
  });
  const bool only_locks = static_cast<std::size_t>(locks) == cycle.members.size();
  std::string text = only_locks ? "Owners recorded in the locks" : "Told by the kernel";
  if (locks > 0 && !only_locks) text += ", and recorded in the locks";
  const auto any_wait = [&](bool KernelWait::*is_so) {
    return std::ranges::any_of(cycle.members, [&](const ThreadRef& member) {
      const Diagnosis& diagnosis = of(member.process).labels().report().diagnosis;
      const auto& wait = diagnosis.threads.at(member.thread).kernel_wait;
      return wait && diagnosis.kernel_waits.at(*wait).*is_so;
    });
  };
  if (any_wait(&KernelWait::likely)) {
    text +=
        ", but for who is to open a FIFO: likely who has a path to it and waits to open another, "
        "since "
        "nobody has it open";
  } else if (any_wait(&KernelWait::others_may_come)) {
    text += fmt::format("{}likely, since others may open what has a name", kDot);
  } else if (cycle.evidence == Evidence::kInferred) {
    text += fmt::format("{}likely, since a signal may wake one of them", kDot);
  }
  if (cycle.confirmation.looked_again) {
    text += fmt::format("{}nobody in the cycle {}", kDot, stood_still_words(cycle.confirmation));
  }
  return text + ".";
}

std::string AcrossSentences::evidence(const CrossRoot& root) {
  if (!root.confirmation.looked_again) return {};
  return fmt::format("Nobody on the way {}.", stood_still_words(root.confirmation));
}

std::vector<const CrossCycle*> cycles_with(const Across& across, ProcessIndex process) {
  std::vector<const CrossCycle*> cycles;
  const auto is_of = [&](const ThreadRef& member) { return member.process == process; };
  for (const CrossCycle& cycle : across.cycles) {
    if (std::ranges::any_of(cycle.members, is_of) ||
        std::ranges::any_of(cycle.stuck_behind, is_of)) {
      cycles.push_back(&cycle);
    }
  }
  return cycles;
}

std::vector<const CrossRoot*> roots_with(const Across& across, ProcessIndex process) {
  std::vector<const CrossRoot*> roots;
  for (const CrossRoot& root : across.roots) {
    const bool is_behind = std::ranges::any_of(
        root.victims, [&](const ThreadRef& victim) { return victim.process == process; });
    if (is_behind || root.process == process) roots.push_back(&root);
  }
  return roots;
}

}  // namespace pstuck
