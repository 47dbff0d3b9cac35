#pragma once

#include <vector>

#include "analyzers/diagnose.h"
#include "analyzers/program_frames.h"
#include "analyzers/thread_ids.h"
#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// Who waits for what, with the owners as the locks recorded them.
struct CollectedWaits {
  std::vector<Wait> waits;            ///< ascending by thread, at most one for each
  std::vector<Resource> resources;    ///< ascending by kind, then address; holders still open
  std::vector<RecordedOwner> owners;  ///< one for each resource
};

CollectedWaits collect_waits(const Snapshot& snapshot, const Stacks& stacks,
                             const ProgramFrames& frames, const ThreadIds& ids,
                             const Sources& sources,
                             std::span<const LockDescription> described = {});

/// The thread's stack; an empty one when there is none.
const Stack& stack_of(const Stacks& stacks, ThreadIndex thread);

}  // namespace pstuck
