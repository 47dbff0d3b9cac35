#include "analyzers/wait_graph.h"

#include <algorithm>

#include "analyzers/resources.h"

// The vertices are the threads and what they wait for: a thread that waits has one edge to its
// resource, and that has one to each of those who must act, the same for all who wait for it.
//
//     t1 ──wants──▶ [m] ──held by──▶ t2
//     t3 ──wants──▶ [m]
//
// Of a process alone the threads are the first vertices, so that a thread's index is its vertex.

namespace pstuck {

ProcessVertices add_process(const Diagnosis& diagnosis, WaitForGraph& graph) {
  ProcessVertices vertices{.first_thread = graph.size()};
  for (ThreadIndex thread = 0; thread < diagnosis.threads.size(); ++thread) graph.add_vertex();
  vertices.first_resource = graph.size();
  for (const Resource& resource : diagnosis.resources) {
    const WaitForGraph::Vertex vertex = graph.add_vertex(resource.needs);
    for (const ThreadIndex thread : find_who_must_act(resource)) {
      graph.add_edge(vertex, vertices.of_thread(thread));
    }
  }
  for (ThreadIndex thread = 0; thread < diagnosis.threads.size(); ++thread) {
    const auto& wait = diagnosis.threads[thread].wait;
    if (!wait) continue;
    graph.add_edge(vertices.of_thread(thread),
                   vertices.of_resource(diagnosis.waits[*wait].resource));
  }
  return vertices;
}

WaitGraph::WaitGraph(const Diagnosis& diagnosis) : vertices_(add_process(diagnosis, graph_)) {
  graph_.reduce();
}

std::span<const ThreadIndex> WaitGraph::waits_for(ThreadIndex thread) const {
  const auto resource = graph_.waits_for(vertices_.of_thread(thread));
  return resource.empty() ? resource : graph_.waits_for(resource.front());
}

std::optional<ThreadIndex> WaitGraph::find_blocker(ResourceIndex resource) const {
  const WaitForGraph::Vertex vertex = vertices_.of_resource(resource);
  if (const auto last = graph_.let_go_by(vertex)) return last;
  for (const ThreadIndex thread : graph_.waits_for(vertex)) {
    if (is_stuck(thread)) return thread;
  }
  return std::nullopt;
}

std::vector<std::vector<ThreadIndex>> WaitGraph::find_knots() const {
  auto knots = pstuck::find_knots(graph_);
  for (auto& knot : knots) {
    knot.erase(std::ranges::lower_bound(knot, vertices_.first_resource), knot.end());
  }
  return knots;
}

}  // namespace pstuck
