#pragma once

#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Puts together the threads whose program frames are alike: biggest group first, then lowest tid.
/// The threads must be ascending.
std::vector<StackGroup> group_by_stack(std::span<const ThreadIndex> threads,
                                       const std::vector<ThreadStatus>& statuses);

}  // namespace pstuck
