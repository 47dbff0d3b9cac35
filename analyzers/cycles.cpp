#include "analyzers/cycles.h"

#include <algorithm>
#include <limits>

// A deadlock is a strongly connected component of what the wait graph's reduction leaves: threads
// that are stuck and all wait for each other, directly or through others.
//
//     t1 ──▶ t2 ──▶ t3          t5 ──▶ t6        one knot, t1 t2 t3; t4, t5 and t6 are in none:
//      ▲             │                           t4 is a victim, and t6 just works
//      └─────────────┘ ◀── t4
//
// Most knots are rings. Where a lock has several holders, or one holder has several locks that the
// others want, the knot can be more than one ring.
//
// Tarjan's algorithm (SIAM J. Comput. 1, 1972) finds all of them in one depth-first walk. Every
// thread gets a number when the walk reaches it, and keeps the lowest number on the walk's stack
// that it can reach. Who reaches none lower than his own is the first of a component, and the
// component is what lies above him on the stack. The walk keeps its own call stack: a chain of
// 100,000 threads is a path of that length.

namespace pstuck {
namespace {

constexpr std::size_t kUnseen = std::numeric_limits<std::size_t>::max();

class Tarjan {
 public:
  explicit Tarjan(const WaitGraph& graph)
      : graph_(graph), number_(graph.threads(), kUnseen), lowest_(number_), open_(number_.size()) {}

  std::vector<std::vector<ThreadIndex>> run() && {
    for (ThreadIndex thread = 0; thread < graph_.threads(); ++thread) {
      if (number_[thread] == kUnseen && graph_.is_stuck(thread)) walk_from(thread);
    }
    std::ranges::sort(knots_);
    return std::move(knots_);
  }

 private:
  struct Step {
    ThreadIndex thread;
    std::size_t next_edge = 0;
  };

  void enter(ThreadIndex thread) {
    number_[thread] = lowest_[thread] = next_number_++;
    open_[thread] = true;
    stack_.push_back(thread);
    path_.push_back({thread});
  }

  void walk_from(ThreadIndex start) {
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      const ThreadIndex thread = step.thread;
      const auto edges = graph_.waits_for(thread);
      if (step.next_edge == edges.size()) {
        leave(thread);
        continue;
      }
      const ThreadIndex to = edges[step.next_edge++];
      if (!graph_.is_stuck(to)) continue;
      if (number_[to] == kUnseen) {
        enter(to);
      } else if (open_[to]) {
        lowest_[thread] = std::min(lowest_[thread], number_[to]);
      }
    }
  }

  void leave(ThreadIndex thread) {
    path_.pop_back();
    if (!path_.empty()) {
      ThreadIndex caller = path_.back().thread;
      lowest_[caller] = std::min(lowest_[caller], lowest_[thread]);
    }
    if (lowest_[thread] == number_[thread]) close_component(thread);
  }

  void close_component(ThreadIndex first) {
    const auto begin = std::find(stack_.rbegin(), stack_.rend(), first).base() - 1;
    std::vector<ThreadIndex> members(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    for (const ThreadIndex member : members) open_[member] = false;
    const bool is_knot =
        members.size() > 1 || std::ranges::count(graph_.waits_for(first), first) > 0;
    if (!is_knot) return;
    std::ranges::sort(members);
    knots_.push_back(std::move(members));
  }

  const WaitGraph& graph_;
  std::vector<std::size_t> number_;
  std::vector<std::size_t> lowest_;
  std::vector<bool> open_;          // on stack_
  std::vector<ThreadIndex> stack_;  // reached, component not yet closed
  std::vector<Step> path_;          // the walk's own call stack
  std::size_t next_number_ = 0;
  std::vector<std::vector<ThreadIndex>> knots_;
};

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

std::vector<std::vector<ThreadIndex>> find_knots(const WaitGraph& graph) {
  return Tarjan(graph).run();
}

std::vector<Cycle> find_cycles(const WaitGraph& graph, const Diagnosis& diagnosis) {
  std::vector<Cycle> cycles;
  for (const auto& knot : find_knots(graph)) cycles.push_back(to_cycle(knot, graph, diagnosis));
  return cycles;
}

}  // namespace pstuck
