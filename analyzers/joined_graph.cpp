#include "analyzers/joined_graph.h"

#include <algorithm>

namespace pstuck {

std::optional<ThreadRef> JoinedGraph::member_of(Vertex vertex) const {
  const auto after = std::ranges::upper_bound(vertices, vertex, {}, &ProcessVertices::first_thread);
  if (after == vertices.begin()) return {};
  const auto process = static_cast<ProcessIndex>(after - vertices.begin() - 1);
  if (vertex >= vertices[process].first_resource) return {};
  return ThreadRef{process, vertex - vertices[process].first_thread};
}

std::optional<ProcessIndex> JoinedGraph::process_of(Vertex vertex) const {
  if (process_vertices.empty() || vertex < process_vertices.front()) return {};
  const std::size_t process = vertex - process_vertices.front();
  return process < process_vertices.size() ? std::optional(process) : std::nullopt;
}

}  // namespace pstuck
