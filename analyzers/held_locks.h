#pragma once

#include "analyzers/diagnose.h"
#include "analyzers/thread_ids.h"

namespace pstuck {

/// Finds the locks that the threads hold, contended or not: fills Diagnosis::held, without
/// acquisitions, and adds the resources that nobody waits for. Some are doubted: see below. Blind
/// spots of the search are appended to Diagnosis::blind_spots.
void find_held_locks(const Snapshot& snapshot, const Stacks& stacks, const ThreadIds& ids,
                     const Sources& sources, const DiagnoseOptions& options, Diagnosis& diagnosis);

/// When the frames are known: takes the doubted locks without one out again, and says how many.
void drop_doubted_locks(Diagnosis& diagnosis);

/// Puts Diagnosis::held into its order.
void sort_held(Diagnosis& diagnosis);

}  // namespace pstuck
