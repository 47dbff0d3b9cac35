#pragma once

#include <span>

#include "analyzers/diagnose.h"

namespace pstuck {

/// Finds the frame that took each lock in Diagnosis::held. `variables` are those that
/// Program::find_variables() found for the held locks.
void attribute_frames(const Stacks& stacks, Program& program,
                      std::span<const VariableHit> variables, Diagnosis& diagnosis);

}  // namespace pstuck
