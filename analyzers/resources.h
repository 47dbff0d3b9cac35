#pragma once

#include <span>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Whether who waits for it is held up by somebody: it is a lock, and not a semaphore of which
/// nobody is known to have a unit, as idle threads wait for.
bool holds_up(const Resource& resource);

/// Leaves the resources with these indexes, in this order, and renumbers the waits and the held
/// locks; none of them may be for another resource.
void keep_resources(std::span<const ResourceIndex> kept, Diagnosis& diagnosis);

}  // namespace pstuck
