#include <algorithm>
#include <limits>

#include "analyzers/wait_for_graph.h"

// A deadlock is a strongly connected component of what the graph's reduction leaves: threads that
// are stuck and all wait for each other, directly or through others.
//
//     t1 ──▶ t2 ──▶ t3          t5 ──▶ t6        one knot, t1 t2 t3; t4, t5 and t6 are in none:
//      ▲             │                           t4 is a victim, and t6 just works
//      └─────────────┘ ◀── t4
//
// Most knots are rings. Where a lock has several holders, or one holder has several locks that the
// others want, the knot can be more than one ring.
//
// Tarjan's algorithm (SIAM J. Comput. 1, 1972) finds all of them in one depth-first walk. Every
// vertex gets a number when the walk reaches it, and keeps the lowest number on the walk's stack
// that it can reach. Who reaches none lower than his own is the first of a component, and the
// component is what lies above him on the stack. The walk keeps its own call stack: a chain of
// 100,000 threads is a path of that length.

namespace pstuck {
namespace {

using Vertex = WaitForGraph::Vertex;

constexpr std::size_t kUnseen = std::numeric_limits<std::size_t>::max();

class Tarjan {
 public:
  explicit Tarjan(const WaitForGraph& graph)
      : graph_(graph), number_(graph.size(), kUnseen), lowest_(number_), open_(number_.size()) {}

  std::vector<std::vector<Vertex>> run() && {
    for (Vertex vertex = 0; vertex < graph_.size(); ++vertex) {
      if (number_[vertex] == kUnseen && graph_.is_stuck(vertex)) walk_from(vertex);
    }
    std::ranges::sort(knots_);
    return std::move(knots_);
  }

 private:
  struct Step {
    Vertex vertex;
    std::size_t next_edge = 0;
  };

  void enter(Vertex vertex) {
    number_[vertex] = lowest_[vertex] = next_number_++;
    open_[vertex] = true;
    stack_.push_back(vertex);
    path_.push_back({vertex});
  }

  void walk_from(Vertex start) {
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      const Vertex vertex = step.vertex;
      const auto edges = graph_.waits_for(vertex);
      if (step.next_edge == edges.size()) {
        leave(vertex);
        continue;
      }
      const Vertex to = edges[step.next_edge++];
      if (!graph_.is_stuck(to)) continue;
      if (number_[to] == kUnseen) {
        enter(to);
      } else if (open_[to]) {
        lowest_[vertex] = std::min(lowest_[vertex], number_[to]);
      }
    }
  }

  void leave(Vertex vertex) {
    path_.pop_back();
    if (!path_.empty()) {
      Vertex caller = path_.back().vertex;
      lowest_[caller] = std::min(lowest_[caller], lowest_[vertex]);
    }
    if (lowest_[vertex] == number_[vertex]) close_component(vertex);
  }

  void close_component(Vertex first) {
    const auto begin = std::find(stack_.rbegin(), stack_.rend(), first).base() - 1;
    std::vector<Vertex> members(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    for (const Vertex member : members) open_[member] = false;
    const bool is_knot =
        members.size() > 1 || std::ranges::count(graph_.waits_for(first), first) > 0;
    if (!is_knot) return;
    std::ranges::sort(members);
    knots_.push_back(std::move(members));
  }

  const WaitForGraph& graph_;
  std::vector<std::size_t> number_;
  std::vector<std::size_t> lowest_;
  std::vector<bool> open_;     // on stack_
  std::vector<Vertex> stack_;  // reached, component not yet closed
  std::vector<Step> path_;     // the walk's own call stack
  std::size_t next_number_ = 0;
  std::vector<std::vector<Vertex>> knots_;
};

}  // namespace

std::vector<std::vector<WaitForGraph::Vertex>> find_knots(const WaitForGraph& graph) {
  return Tarjan(graph).run();
}

}  // namespace pstuck
