#pragma once

#include <span>

#include "analyzers/joined_graph.h"

namespace pstuck {

/// Joins the diagnoses of processes into one wait-for graph, and finds the deadlocks that go over
/// several of them or through the kernel. Deadlocks over the locks of one process are left to its
/// own diagnosis. Total.
Across join(std::span<const ProcessView> processes);

/// The processes that the waits of this one name, other than itself: children, other ends, holders
/// of file locks, owners of shared locks. Ascending.
std::vector<Tid> find_processes_to_follow(const ProcessView& process);

}  // namespace pstuck
