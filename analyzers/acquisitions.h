#pragma once

#include <span>

#include "analyzers/diagnose.h"
#include "analyzers/program_frames.h"

namespace pstuck {

/// Finds the frames that took the locks in Diagnosis::held, and puts the list in its order. A
/// recursive lock that several frames took gets an entry for each. `variables` are those that
/// Program::find_variables() found for the held locks.
void attribute_frames(const Stacks& stacks, const ProgramFrames& frames, Program& program,
                      std::span<const VariableHit> variables, Diagnosis& diagnosis);

}  // namespace pstuck
