#pragma once

#include <span>

#include "analyzers/diagnose.h"

namespace pstuck {

/// Names the locks that lie in variables of the program.
void name_locks(DataSymbols& symbols, std::span<Resource> resources);

}  // namespace pstuck
