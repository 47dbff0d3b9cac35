#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Who waits for whom, whatever they are: a vertex with edges waits for all or for any of those
/// that the edges lead to, and one without edges goes on. Built, then reduced, then asked.
class WaitForGraph {
 public:
  using Vertex = std::size_t;

  /// Numbered from 0.
  Vertex add_vertex(Needs needs = Needs::kAll);
  void add_edge(Vertex from, Vertex to) { vertices_[from].waits_for.push_back(to); }

  /// Finds out who can go on; to be called once, after the last edge. Linear time.
  void reduce();

  [[nodiscard]] std::size_t size() const { return vertices_.size(); }
  [[nodiscard]] std::span<const Vertex> waits_for(Vertex vertex) const {
    return vertices_[vertex].waits_for;
  }
  [[nodiscard]] Needs needs(Vertex vertex) const { return vertices_[vertex].needs; }
  /// No order in which the vertices could go on lets this one go on.
  [[nodiscard]] bool is_stuck(Vertex vertex) const { return !vertices_[vertex].can_go_on; }
  /// The last of those it waited for that had to act before it could go on; none where it is stuck
  /// or waits for nobody.
  [[nodiscard]] std::optional<Vertex> let_go_by(Vertex vertex) const {
    return vertices_[vertex].let_go_by;
  }

 private:
  struct Data {
    Needs needs = Needs::kAll;
    std::vector<Vertex> waits_for;
    std::vector<Vertex> awaited_by;
    std::size_t left = 0;  // who has not acted yet
    bool can_go_on = false;
    std::optional<Vertex> let_go_by;
  };

  void let_go(Vertex vertex, std::vector<Vertex>& going);

  std::vector<Data> vertices_;
};

/// The sets of stuck vertices that all reach each other: two or more, or one that waits for
/// itself. Linear time, no recursion. Each set ascending, the sets by their first vertex.
std::vector<std::vector<WaitForGraph::Vertex>> find_knots(const WaitForGraph& graph);

}  // namespace pstuck
