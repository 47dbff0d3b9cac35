#pragma once

#include <vector>

#include "analyzers/diagnose.h"
#include "analyzers/program_frames.h"

namespace pstuck {

/// A zombie, or gone while pstuck looked.
bool has_ended(const ThreadSnapshot& thread);

/// What each thread does, its wait not yet considered.
std::vector<ThreadStatus> describe_threads(const Snapshot& snapshot, const Stacks& stacks,
                                           const ProgramFrames& frames, Memory& memory);

/// Ties the threads to their waits: a thread that waits does nothing else.
void attach_waits(const std::vector<Wait>& waits, std::vector<ThreadStatus>& threads);

}  // namespace pstuck
