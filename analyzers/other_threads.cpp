#include "analyzers/other_threads.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "analyzers/resources.h"
#include "analyzers/thread_rules.h"

namespace pstuck {
namespace {

std::vector<bool> find_spoken_of(const Diagnosis& diagnosis) {
  std::vector<bool> spoken_of(diagnosis.threads.size());
  const auto mark = [&](const std::vector<WaitIndex>& waits) {
    for (const WaitIndex wait : waits) spoken_of[diagnosis.waits[wait].thread] = true;
  };
  for (const Cycle& cycle : diagnosis.cycles) mark(cycle.waits);
  for (const PileUp& pile_up : diagnosis.pile_ups) {
    if (is_parked(diagnosis, pile_up)) continue;
    if (holds_up(diagnosis.resources[pile_up.resource])) mark(pile_up.waits);
  }
  for (const Finding& finding : diagnosis.findings) {
    for (const ThreadIndex thread : finding.stuck_behind) spoken_of[thread] = true;
  }
  return spoken_of;
}

/// Threads that are parked for the same work are alike, whatever their stacks are.
ThreadGroup describe_group(const Diagnosis& diagnosis, ThreadIndex thread) {
  const ThreadStatus& status = diagnosis.threads[thread];
  ThreadGroup group{
      .activity = status.activity, .syscall = status.syscall, .remark = status.remark};
  if (is_parked(diagnosis, thread)) {
    group.activity = Activity::kIdle;
    group.syscall = -1;
  } else if (status.wait) {
    group.waits_for = diagnosis.resources[diagnosis.waits[*status.wait].resource].kind;
  }
  group.group.functions = status.functions;
  return group;
}

}  // namespace

std::vector<ThreadGroup> group_other_threads(const Diagnosis& diagnosis) {
  constexpr std::size_t kAnyStack = static_cast<std::size_t>(-1);
  const auto spoken_of = find_spoken_of(diagnosis);
  std::vector<ThreadGroup> groups;
  using Key = std::tuple<Activity, std::optional<ResourceKind>, std::int64_t,
                         std::optional<RemarkIndex>, std::size_t>;
  std::map<Key, std::size_t> group_of;
  for (ThreadIndex i = 0; i < diagnosis.threads.size(); ++i) {
    if (spoken_of[i]) continue;
    ThreadGroup described = describe_group(diagnosis, i);
    const std::size_t stack = is_parked(diagnosis, i) ? kAnyStack : diagnosis.threads[i].alike;
    const auto [entry, is_new] = group_of.try_emplace(
        Key(described.activity, described.waits_for, described.syscall, described.remark, stack),
        groups.size());
    if (is_new) groups.push_back(std::move(described));
    StackGroup& group = groups[entry->second].group;
    group.threads.push_back(i);
    if (diagnosis.threads[i].alike != diagnosis.threads[group.threads.front()].alike) {
      group.functions.clear();
    }
  }
  std::ranges::stable_sort(groups, std::ranges::greater{},
                           [](const ThreadGroup& group) { return group.group.threads.size(); });
  return groups;
}

}  // namespace pstuck
