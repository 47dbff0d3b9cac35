#pragma once

#include <span>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Leaves the resources with these indexes, in this order, and renumbers the waits and the held
/// locks; none of them may be for another resource.
void keep_resources(std::span<const ResourceIndex> kept, Diagnosis& diagnosis);

}  // namespace pstuck
