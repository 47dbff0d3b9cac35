#pragma once

#include <span>

#include "analyzers/diagnose.h"

namespace pstuck {

/// Gives each lock its name: from the variable that it lies in, from frames' variables that lead to
/// it, or from the class of its object. `variables` are those of Program::find_variables().
void name_locks(Program& program, std::span<const VariableHit> variables,
                std::span<Resource> resources);

}  // namespace pstuck
