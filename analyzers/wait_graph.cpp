#include "analyzers/wait_graph.h"

// The vertices are threads. Locks are no vertices of their own: a thread that waits has one edge to
// each holder of what it waits for, and a lock's holder is one fact for all who wait for it.
//
//     t1 ──wants──▶ [m] ──held by──▶ t2          gives   t1 ──▶ t2
//     t3 ──wants──▶ [m]                                  t3 ──▶ t2
//
// The edges of one thread lie side by side in one array, since a target can have 100,000 threads.

namespace pstuck {

std::optional<ThreadIndex> find_holder(const Diagnosis& diagnosis, const Wait& wait) {
  const Holder& holder = diagnosis.resources[wait.resource].holder;
  return holder.fate == OwnerFate::kThread ? holder.thread : std::nullopt;
}

WaitGraph::WaitGraph(const Diagnosis& diagnosis) {
  first_edge_.reserve(diagnosis.threads.size() + 1);
  for (const ThreadStatus& thread : diagnosis.threads) {
    if (thread.wait) {
      const auto holder = find_holder(diagnosis, diagnosis.waits[*thread.wait]);
      if (holder) holders_.push_back(*holder);
    }
    first_edge_.push_back(holders_.size());
  }
}

}  // namespace pstuck
