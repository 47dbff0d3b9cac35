#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/wait_for_graph.h"

namespace pstuck {

/// Where one process's threads and resources stand in a wait-for graph: those of a thread or
/// resource come one after the other.
struct ProcessVertices {
  WaitForGraph::Vertex first_thread = 0;
  WaitForGraph::Vertex first_resource = 0;

  [[nodiscard]] WaitForGraph::Vertex of_thread(ThreadIndex thread) const {
    return first_thread + thread;
  }
  [[nodiscard]] WaitForGraph::Vertex of_resource(ResourceIndex resource) const {
    return first_resource + resource;
  }
};

/// Adds a process's threads, the resources they wait for, and the threads that must act. A lock on
/// its way, held by nobody of the process, or of which not all holders are known, makes no edge:
/// who waits for it may go on.
ProcessVertices add_process(const Diagnosis& diagnosis, WaitForGraph& graph);

/// Who waits for whom in one process, and who of them can never go on.
class WaitGraph {
 public:
  explicit WaitGraph(const Diagnosis& diagnosis);

  /// The threads that must act before this one can go on, all of them or any, as
  /// Resource::needs says; empty for one that does not wait.
  [[nodiscard]] std::span<const ThreadIndex> waits_for(ThreadIndex thread) const;
  /// No order in which the threads could go on lets this one go on.
  [[nodiscard]] bool is_stuck(ThreadIndex thread) const {
    return graph_.is_stuck(vertices_.of_thread(thread));
  }
  /// The one that must act first, of those who must act before the resource can be had: one that
  /// is stuck where there is one; none where nobody is known.
  [[nodiscard]] std::optional<ThreadIndex> find_blocker(ResourceIndex resource) const;
  /// The sets of threads that are stuck and all reach each other: two threads or more, or one that
  /// waits for itself. Each set ascending, the sets by their first thread.
  [[nodiscard]] std::vector<std::vector<ThreadIndex>> find_knots() const;

 private:
  WaitForGraph graph_;
  ProcessVertices vertices_;
};

}  // namespace pstuck
