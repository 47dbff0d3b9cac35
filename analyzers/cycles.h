#pragma once

#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/wait_graph.h"

namespace pstuck {

/// Every deadlock, in canonical order.
std::vector<Cycle> find_cycles(const WaitGraph& graph, const Diagnosis& diagnosis);

}  // namespace pstuck
