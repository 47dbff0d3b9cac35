#pragma once

#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/wait_graph.h"

namespace pstuck {

/// The sets of threads that all reach each other: two threads or more, or one that waits for
/// itself. Linear time, no recursion. Each set ascending, the sets by their first thread.
std::vector<std::vector<ThreadIndex>> find_knots(const WaitGraph& graph);

/// Every deadlock, in canonical order.
std::vector<Cycle> find_cycles(const WaitGraph& graph, const Diagnosis& diagnosis);

}  // namespace pstuck
