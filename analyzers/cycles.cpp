#include "analyzers/cycles.h"

#include <algorithm>

namespace pstuck {
namespace {

// The members of the knot that a member waits for.
std::vector<ThreadIndex> inside(const std::vector<ThreadIndex>& knot,
                                std::span<const ThreadIndex> threads) {
  std::vector<ThreadIndex> members;
  for (const ThreadIndex thread : threads) {
    if (std::ranges::binary_search(knot, thread)) members.push_back(thread);
  }
  return members;
}

Cycle to_cycle(const std::vector<ThreadIndex>& knot, const WaitGraph& graph,
               const Diagnosis& diagnosis) {
  Cycle cycle;
  cycle.ring = std::ranges::all_of(
      knot, [&](ThreadIndex thread) { return inside(knot, graph.waits_for(thread)).size() == 1; });
  ThreadIndex along_the_ring = knot.front();
  for (const ThreadIndex member : knot) {
    const ThreadIndex thread = cycle.ring ? along_the_ring : member;
    cycle.waits.push_back(*diagnosis.threads[thread].wait);
    along_the_ring = inside(knot, graph.waits_for(thread)).front();
    cycle.holders.push_back(along_the_ring);
  }
  return cycle;
}

}  // namespace

std::vector<Cycle> find_cycles(const WaitGraph& graph, const Diagnosis& diagnosis) {
  std::vector<Cycle> cycles;
  for (const auto& knot : graph.find_knots()) cycles.push_back(to_cycle(knot, graph, diagnosis));
  return cycles;
}

}  // namespace pstuck
