#pragma once

#include "attach/target.h"
#include "cli/options.h"
#include "cli/report.h"
#include "symbolize/symbols.h"

namespace pstuck {

/// Looks several times at the threads that run while others wait for them, or at all threads where
/// --samples asks for it, and puts what they did into the diagnosis. Nothing for a core. From here
/// on `memory` has the stacks of the last look.
void take_samples(Target& target, SnapshotMemory& memory, Symbols& symbols, const Options& options,
                  Report& report);

}  // namespace pstuck
