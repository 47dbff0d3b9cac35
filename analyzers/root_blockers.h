#pragma once

#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// The pile-ups ordered so that each comes after the one that its holder is stacked behind.
std::vector<PileUpIndex> order_from_the_roots(const std::vector<PileUp>& pile_ups);

/// Follows each pile-up's chain of holders to its end: fills next, cycle, root, end, hops and
/// victims.
/// Linear time. The pile-ups stand for their resources, in the order of find_pile_ups().
void find_root_blockers(const Diagnosis& diagnosis, std::vector<PileUp>& pile_ups);

}  // namespace pstuck
