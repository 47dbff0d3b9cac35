#pragma once

#include <span>
#include <vector>

#include "analyzers/collect_waits.h"
#include "analyzers/thread_ids.h"

namespace pstuck {

/// Says for each resource who has it, or what became of the id that it recorded.
void find_holders(const Snapshot& snapshot, const ThreadIds& ids, TaskFinder& tasks,
                  std::span<const Wait> waits, std::span<const RecordedOwner> owners,
                  std::span<Resource> resources);

}  // namespace pstuck
