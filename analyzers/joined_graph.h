#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analyzers/across.h"
#include "analyzers/wait_graph.h"

namespace pstuck {

/// One of the processes that are joined; both must outlive what is made of it.
struct ProcessView {
  const Snapshot& snapshot;
  const Diagnosis& diagnosis;
};

/// The wait-for graph over several processes: the vertices of each, then one for each process,
/// which acts when any of its threads does, then others.
struct JoinedGraph {
  using Vertex = WaitForGraph::Vertex;

  WaitForGraph graph;
  std::vector<ProcessVertices> vertices;  ///< by process
  std::vector<Vertex> process_vertices;   ///< by process; behind all threads and resources
  Vertex elsewhere = 0;                   ///< stands for all processes that were not looked at

  [[nodiscard]] Vertex vertex_of(const ThreadRef& member) const {
    return vertices[member.process].of_thread(member.thread);
  }
  /// None for a vertex that is no thread.
  [[nodiscard]] std::optional<ThreadRef> member_of(Vertex vertex) const;
  /// None for a vertex that is no process.
  [[nodiscard]] std::optional<ProcessIndex> process_of(Vertex vertex) const;
};

}  // namespace pstuck
