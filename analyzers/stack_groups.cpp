#include "analyzers/stack_groups.h"

#include <algorithm>
#include <unordered_map>

namespace pstuck {

std::vector<StackGroup> group_by_stack(std::span<const ThreadIndex> threads,
                                       const std::vector<ThreadStatus>& statuses) {
  std::vector<StackGroup> groups;
  std::unordered_map<std::size_t, std::size_t> group_of;  // by ThreadStatus::alike
  for (const ThreadIndex thread : threads) {
    const ThreadStatus& status = statuses[thread];
    const auto [entry, is_new] = group_of.try_emplace(status.alike, groups.size());
    if (is_new) groups.push_back({.functions = status.functions});
    groups[entry->second].threads.push_back(thread);
  }
  // Stable: groups were made in the order of their lowest thread.
  std::ranges::stable_sort(groups, std::ranges::greater{},
                           [](const StackGroup& group) { return group.threads.size(); });
  return groups;
}

}  // namespace pstuck
