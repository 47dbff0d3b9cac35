#include "analyzers/pileups.h"

#include <algorithm>
#include <numeric>

#include "analyzers/stack_groups.h"

namespace pstuck {
namespace {

std::vector<bool> find_waits_in_cycles(const Diagnosis& diagnosis) {
  std::vector<bool> in_cycle(diagnosis.waits.size());
  for (const Cycle& cycle : diagnosis.cycles) {
    for (const WaitIndex wait : cycle.waits) in_cycle[wait] = true;
  }
  return in_cycle;
}

}  // namespace

std::vector<PileUp> find_pile_ups(const Diagnosis& diagnosis) {
  const auto in_cycle = find_waits_in_cycles(diagnosis);
  std::vector<std::vector<WaitIndex>> waits_for(diagnosis.resources.size());
  for (WaitIndex i = 0; i < diagnosis.waits.size(); ++i) {
    if (!in_cycle[i]) waits_for[diagnosis.waits[i].resource].push_back(i);
  }
  std::vector<PileUp> pile_ups;
  for (ResourceIndex resource = 0; resource < waits_for.size(); ++resource) {
    if (waits_for[resource].empty()) continue;
    std::vector<ThreadIndex> threads;
    for (const WaitIndex wait : waits_for[resource]) {
      threads.push_back(diagnosis.waits[wait].thread);
    }
    pile_ups.push_back({.resource = resource,
                        .waits = std::move(waits_for[resource]),
                        .groups = group_by_stack(threads, diagnosis.threads)});
  }
  return pile_ups;
}

void sort_pile_ups(std::vector<PileUp>& pile_ups) {
  std::vector<PileUpIndex> order(pile_ups.size());
  std::iota(order.begin(), order.end(), PileUpIndex{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](PileUpIndex i) { return pile_ups[i].victims; });
  std::vector<PileUpIndex> new_index(pile_ups.size());
  for (PileUpIndex i = 0; i < order.size(); ++i) new_index[order[i]] = i;
  std::vector<PileUp> sorted;
  sorted.reserve(pile_ups.size());
  for (const PileUpIndex i : order) {
    if (pile_ups[i].next) pile_ups[i].next = new_index[*pile_ups[i].next];
    sorted.push_back(std::move(pile_ups[i]));
  }
  pile_ups = std::move(sorted);
}

}  // namespace pstuck
