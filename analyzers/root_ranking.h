#pragma once

#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// The ends of all chains of waits: the deadlocks, and the threads that something is held up by.
/// Needs the pile-ups in their last order. Linear time.
std::vector<RootBlocker> rank_root_blockers(const Diagnosis& diagnosis);

}  // namespace pstuck
