#pragma once

#include <span>

#include "analyzers/diagnosis.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// The threads that further looks are worth.
struct Sampled {
  std::vector<ThreadIndex> captured;  ///< those that run, with their stacks, ascending
  std::vector<ThreadIndex> watched;   ///< the others, without a stop, ascending
};

/// The threads that run while others wait for what they hold, and those who wait behind anybody.
Sampled find_held_up_by_running(const Diagnosis& diagnosis);

/// Every thread, as many as looks may be taken at.
Sampled find_all_to_sample(const Diagnosis& diagnosis);

/// One further look; its threads are `captured` and then `watched`, in their order.
struct SampledLook {
  Sample sample;
  Stacks stacks;  ///< of the captured threads
};

/// Holds the looks against each other, and the stacks against the snapshot's own, which count as
/// one more. The first look needs no stacks. Nothing without two looks.
Samples compare_samples(const Snapshot& snapshot, const Stacks& stacks, const Diagnosis& diagnosis,
                        const Sampled& sampled, std::span<const SampledLook> looks);

}  // namespace pstuck
