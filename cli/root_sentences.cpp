#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analyzers/thread_rules.h"
#include "cli/sentences.h"
#include "cli/wait_words.h"
#include "cli/words.h"

// What must move first, and whom that frees.

namespace pstuck {
namespace {

constexpr std::size_t kFewestVictims = 2;
constexpr std::size_t kShownLocks = 3;

}  // namespace

std::vector<const RootBlocker*> Sentences::rank_roots(const Diagnosis& diagnosis) {
  std::set<std::optional<ResourceIndex>> told;
  for (const Finding& finding : diagnosis.findings) told.insert(finding.resource);
  std::vector<const RootBlocker*> roots;
  bool is_new = false;
  for (const RootBlocker& root : diagnosis.root_blockers) {
    if (root.victims.size() < kFewestVictims) continue;
    const auto is_idle = [&](ThreadIndex thread) { return is_parked(diagnosis, thread); };
    if (!root.cycle && std::ranges::all_of(root.victims, is_idle)) continue;
    roots.push_back(&root);
    is_new = is_new || (!root.cycle && std::ranges::none_of(root.pile_ups, [&](PileUpIndex i) {
               return told.contains(diagnosis.pile_ups.at(i).resource);
             }));
  }
  if (!is_new || roots.size() == 1) roots.clear();
  return roots;
}

std::string Sentences::deadlock_above(std::size_t number) const {
  return labels_.deadlocks() == 1 ? "the deadlock above"
                                  : fmt::format("deadlock {} above", number + 1);
}

std::string Sentences::frees(const RootBlocker& root) const {
  const Report& report = labels_.report();
  std::size_t most = root.victims.size();
  if (root.cycle) most += report.diagnosis.cycles.at(*root.cycle).waits.size();
  return fmt::format("frees {}{} of {}", root.frees == most ? "" : "up to ", most,
                     count_words(report.snapshot.threads.size(), "thread", "threads"));
}

std::string Sentences::root_blocker(const RootBlocker& root) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  if (root.cycle) {
    const WaitIndex first = diagnosis.cycles.at(*root.cycle).waits.front();
    const auto number = labels_.deadlock_of(diagnosis.waits.at(first).thread);
    return fmt::format("breaking {} {}", deadlock_above(number.value_or(0)), frees(root));
  }
  const ThreadIndex end = root.thread.value_or(0);
  std::string text = fmt::format("moving {} {}: it ", thread(end), frees(root));
  std::vector<std::string> locks;
  std::string_view part;
  for (const PileUpIndex i : root.pile_ups) {
    const ResourceIndex index = diagnosis.pile_ups.at(i).resource;
    const Resource& resource = diagnosis.resources.at(index);
    if (resource.blocker != end || resource.kind == ResourceKind::kThread) continue;
    if (locks.empty()) part = part_words(resource, end);
    const bool is_shown = locks.size() < kShownLocks && part == part_words(resource, end);
    if (is_shown) locks.push_back(lock(index));
  }
  if (!locks.empty()) {
    text += fmt::format("{} {}{} and ", part, list_words(locks), locks.size() > 1 ? "," : "");
  }
  return text + lasting_activity(end);
}

std::string Sentences::moving_it_frees(const PileUp& pile_up) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const auto& blocker = diagnosis.resources.at(pile_up.resource).blocker;
  if (!blocker || pile_up.end != blocker || !ranking_.empty()) return {};
  const auto root = std::ranges::find(diagnosis.root_blockers, pile_up.end, &RootBlocker::thread);
  return root == diagnosis.root_blockers.end() ? std::string() : "moving it " + frees(*root);
}

}  // namespace pstuck
