#pragma once

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Adds to Diagnosis::held the locks whose owner is not recorded, but whose partners are complete:
/// each with its witness as the frame that took it.
void hold_by_witness(Diagnosis& diagnosis);

}  // namespace pstuck
