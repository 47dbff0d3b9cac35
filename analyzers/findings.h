#pragma once

#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// What is wrong: cycles, locks whose owner will not come back, and holders that are stalled.
/// Deadlocks first, then by the number of threads concerned.
std::vector<Finding> find_findings(const Snapshot& snapshot, const Diagnosis& diagnosis);

}  // namespace pstuck
