#include "analyzers/wait_graph.h"

#include "analyzers/resources.h"

// The vertices are threads. Locks are no vertices of their own: a thread that waits has one edge to
// each of those who must act, and these are the same for all who wait for the lock.
//
//     t1 ──wants──▶ [m] ──held by──▶ t2          gives   t1 ──▶ t2
//     t3 ──wants──▶ [m]                                  t3 ──▶ t2
//
// Where one must act a circle is a deadlock. Where several have a part it depends: a writer waits
// for all the readers of a rwlock, but who waits for a semaphore goes on when any holder posts.
//
//     w ──wants──▶ [rw] ──read by──▶ r1, r2      all: stuck when r1 is stuck or r2 is
//     s ──wants──▶ [sem] ──units with──▶ a, b    any: stuck only when a and b both are
//
// So the graph is reduced as in Holt's "Some deadlock properties of computer systems" (1972): who
// does not wait goes on and in time does its part; whoever only waited for that goes on too, and so
// forth. Who is left is stuck. Each part is done once, so this takes linear time.

namespace pstuck {

class WaitGraph::Reduction {
 public:
  Reduction(WaitGraph& graph, const Diagnosis& diagnosis)
      : graph_(graph),
        diagnosis_(diagnosis),
        waiters_(diagnosis.resources.size()),
        parts_(diagnosis.threads.size()),
        left_(diagnosis.resources.size()) {
    for (ThreadIndex thread = 0; thread < graph.threads(); ++thread) {
      if (graph.resource_of_[thread] != kNone) {
        waiters_[graph.resource_of_[thread]].push_back(thread);
      }
    }
    for (ResourceIndex resource = 0; resource < waiters_.size(); ++resource) {
      const auto must_act = graph.must_act(resource);
      left_[resource] = must_act.size();
      for (const ThreadIndex thread : must_act) parts_[thread].push_back(resource);
    }
  }

  void run() {
    for (ThreadIndex thread = 0; thread < graph_.threads(); ++thread) {
      if (graph_.waits_for(thread).empty()) go_on(thread);
    }
    for (std::size_t done = 0; done < going_.size(); ++done) do_parts(going_[done]);
  }

 private:
  void go_on(ThreadIndex thread) {
    if (graph_.can_go_on_[thread]) return;
    graph_.can_go_on_[thread] = true;
    going_.push_back(thread);
  }

  void do_parts(ThreadIndex thread) {
    for (const ResourceIndex resource : parts_[thread]) {
      if (graph_.let_go_by_[resource] != kNone) continue;
      const bool enough =
          --left_[resource] == 0 || diagnosis_.resources[resource].needs == Needs::kAny;
      if (!enough) continue;
      graph_.let_go_by_[resource] = thread;
      for (const ThreadIndex waiter : waiters_[resource]) go_on(waiter);
    }
  }

  WaitGraph& graph_;
  const Diagnosis& diagnosis_;
  std::vector<std::vector<ThreadIndex>> waiters_;  // by resource
  std::vector<std::vector<ResourceIndex>> parts_;  // by thread
  std::vector<std::size_t> left_;                  // by resource: who has not acted yet
  std::vector<ThreadIndex> going_;
};

WaitGraph::WaitGraph(const Diagnosis& diagnosis)
    : can_go_on_(diagnosis.threads.size()), let_go_by_(diagnosis.resources.size(), kNone) {
  for (const ThreadStatus& thread : diagnosis.threads) {
    resource_of_.push_back(thread.wait ? diagnosis.waits[*thread.wait].resource : kNone);
  }
  for (const Resource& resource : diagnosis.resources) {
    for (const ThreadIndex thread : find_who_must_act(resource)) must_act_.push_back(thread);
    first_.push_back(must_act_.size());
  }
  Reduction(*this, diagnosis).run();
}

std::span<const ThreadIndex> WaitGraph::waits_for(ThreadIndex thread) const {
  if (resource_of_[thread] == kNone) return {};
  return must_act(resource_of_[thread]);
}

std::optional<ThreadIndex> WaitGraph::find_blocker(ResourceIndex resource) const {
  if (let_go_by_[resource] != kNone) return let_go_by_[resource];
  for (const ThreadIndex thread : must_act(resource)) {
    if (is_stuck(thread)) return thread;
  }
  return std::nullopt;
}

}  // namespace pstuck
