#pragma once

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Draws everything that follows from the threads, resources and waits in the diagnosis, anew:
/// cycles, pile-ups, findings and others.
void draw_conclusions(const Snapshot& snapshot, Diagnosis& diagnosis);

}  // namespace pstuck
