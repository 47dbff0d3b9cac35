#include "analyzers/wait_for_graph.h"

// Where one must act a circle is a deadlock. Where several have a part it depends: a writer waits
// for all the readers of a rwlock, but who waits for a semaphore goes on when any holder posts.
//
//     w ──wants──▶ [rw] ──read by──▶ r1, r2      all: stuck when r1 is stuck or r2 is
//     s ──wants──▶ [sem] ──units with──▶ a, b    any: stuck only when a and b both are
//
// So the graph is reduced as in Holt's "Some deadlock properties of computer systems" (1972): who
// does not wait goes on and in time does its part; whoever only waited for that goes on too, and so
// forth. Who is left is stuck. Each edge is gone once, so this takes linear time.

namespace pstuck {

WaitForGraph::Vertex WaitForGraph::add_vertex(Needs needs) {
  vertices_.push_back({.needs = needs});
  return vertices_.size() - 1;
}

void WaitForGraph::let_go(Vertex vertex, std::vector<Vertex>& going) {
  if (vertices_[vertex].can_go_on) return;
  vertices_[vertex].can_go_on = true;
  going.push_back(vertex);
}

void WaitForGraph::reduce() {
  std::vector<Vertex> going;
  for (Vertex vertex = 0; vertex < vertices_.size(); ++vertex) {
    vertices_[vertex].left = vertices_[vertex].waits_for.size();
    for (const Vertex to : vertices_[vertex].waits_for) vertices_[to].awaited_by.push_back(vertex);
  }
  for (Vertex vertex = 0; vertex < vertices_.size(); ++vertex) {
    if (vertices_[vertex].waits_for.empty()) let_go(vertex, going);
  }
  for (std::size_t done = 0; done < going.size(); ++done) {
    for (const Vertex vertex : vertices_[going[done]].awaited_by) {
      Data& waiter = vertices_[vertex];
      if (waiter.can_go_on) continue;
      if (--waiter.left > 0 && waiter.needs == Needs::kAll) continue;
      waiter.let_go_by = going[done];
      let_go(vertex, going);
    }
  }
}

}  // namespace pstuck
