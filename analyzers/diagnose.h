#pragma once

#include <span>

#include "analyzers/diagnosis.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// Where an analyzer may ask beyond the snapshot; everything asked is about the target's own state.
struct Sources {
  Memory& memory;
  DataSymbols& symbols;
  TaskFinder& tasks;
};

/// Total: any snapshot, also an empty or nonsensical one, gives a diagnosis.
Diagnosis diagnose(const Snapshot& snapshot, const Stacks& stacks, const Sources& sources);

}  // namespace pstuck
