#include "analyzers/other_threads.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "analyzers/resources.h"

namespace pstuck {
namespace {

std::vector<bool> find_spoken_of(const Diagnosis& diagnosis) {
  std::vector<bool> spoken_of(diagnosis.threads.size());
  const auto mark = [&](const std::vector<WaitIndex>& waits) {
    for (const WaitIndex wait : waits) spoken_of[diagnosis.waits[wait].thread] = true;
  };
  for (const Cycle& cycle : diagnosis.cycles) mark(cycle.waits);
  for (const PileUp& pile_up : diagnosis.pile_ups) {
    if (holds_up(diagnosis.resources[pile_up.resource])) mark(pile_up.waits);
  }
  for (const Finding& finding : diagnosis.findings) {
    for (const ThreadIndex thread : finding.stuck_behind) spoken_of[thread] = true;
  }
  return spoken_of;
}

}  // namespace

std::vector<ThreadGroup> group_other_threads(const Diagnosis& diagnosis) {
  const auto spoken_of = find_spoken_of(diagnosis);
  std::vector<ThreadGroup> groups;
  std::map<std::tuple<Activity, std::optional<ResourceKind>, std::int64_t, std::size_t>,
           std::size_t>
      group_of;
  for (ThreadIndex i = 0; i < diagnosis.threads.size(); ++i) {
    if (spoken_of[i]) continue;
    const ThreadStatus& status = diagnosis.threads[i];
    std::optional<ResourceKind> waits_for;
    if (status.wait) {
      waits_for = diagnosis.resources[diagnosis.waits[*status.wait].resource].kind;
    }
    const auto [entry, is_new] = group_of.try_emplace(
        std::tuple(status.activity, waits_for, status.syscall, status.alike), groups.size());
    if (is_new) {
      groups.push_back({.activity = status.activity,
                        .waits_for = waits_for,
                        .syscall = status.syscall,
                        .group = {.functions = status.functions}});
    }
    groups[entry->second].group.threads.push_back(i);
  }
  std::ranges::stable_sort(groups, std::ranges::greater{},
                           [](const ThreadGroup& group) { return group.group.threads.size(); });
  return groups;
}

}  // namespace pstuck
