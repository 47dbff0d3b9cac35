#pragma once

#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// The threads that must act before one that waits for the resource can go on: its holder, or its
/// partners when they are complete.
std::vector<ThreadIndex> find_who_must_act(const Resource& resource);

/// Whether who waits for it is held up by somebody: it is a lock, and not a semaphore of which
/// nobody is known to have a unit, as idle threads wait for.
bool holds_up(const Resource& resource);

/// Leaves the resources with these indexes, in this order, and renumbers the waits and the held
/// locks; none of them may be for another resource.
void keep_resources(std::span<const ResourceIndex> kept, Diagnosis& diagnosis);

}  // namespace pstuck
