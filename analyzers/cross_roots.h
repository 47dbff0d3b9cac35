#pragma once

#include <span>
#include <vector>

#include "analyzers/joined_graph.h"

namespace pstuck {

/// The ends of the chains of waits over three processes or more, most victims first, by the reduced
/// graph. Those that end in somebody idle are left out: that is how servers and shells wait for
/// work.
std::vector<CrossRoot> find_cross_roots(const JoinedGraph& joined,
                                        std::span<const ProcessView> processes);

}  // namespace pstuck
