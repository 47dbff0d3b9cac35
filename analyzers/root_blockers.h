#pragma once

#include <optional>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// The pile-ups ordered so that each comes after the one that its holder is stacked behind.
std::vector<PileUpIndex> order_from_the_roots(const std::vector<PileUp>& pile_ups);

/// Follows each pile-up's chain of holders to its end: fills next, cycle, root, hops and victims.
/// Linear time. The pile-ups stand for their resources, in the order of find_pile_ups().
void find_root_blockers(const Diagnosis& diagnosis, std::vector<PileUp>& pile_ups);

/// The last thread of the chain of waits behind a resource: one that does not wait, or that waits
/// for something of which nobody is known. None for a resource of which nobody is known itself.
/// Takes as many steps as the chain is long.
std::optional<ThreadIndex> find_end_of_chain(const Diagnosis& diagnosis, ResourceIndex resource);

}  // namespace pstuck
