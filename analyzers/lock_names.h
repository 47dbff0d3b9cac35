#pragma once

#include <span>

#include "analyzers/diagnose.h"

namespace pstuck {

/// Gives each lock that has no name yet its one name: from the variable that it lies in, from
/// frames' variables that lead to it, or from the class of its object. Locks of the same name get
/// numbers. `variables` are those of Program::find_variables().
void name_locks(const Stacks& stacks, Program& program, std::span<const VariableHit> variables,
                std::span<Resource> resources);

}  // namespace pstuck
