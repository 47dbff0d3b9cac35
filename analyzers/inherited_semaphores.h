#pragma once

#include <span>

#include "analyzers/diagnose.h"

namespace pstuck {

/// Fills Resource::value_in_parent of the semaphores.
void compare_with_parent(const Snapshot& snapshot, const Sources& sources,
                         std::span<Resource> resources);

}  // namespace pstuck
