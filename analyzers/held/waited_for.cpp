// Locks that somebody waits for, where the owner that they record is one of the target's threads.

#include "analyzers/held/source.h"

namespace pstuck {

void find_waited_for_locks(const HeldSearch& search, HeldFinds& finds) {
  for (const Resource& resource : search.diagnosis.resources) {
    const Holder& holder = resource.holder;
    if (!is_lock(resource.kind) || holder.fate != OwnerFate::kThread || !holder.thread) continue;
    finds.locks.push_back({.kind = resource.kind,
                           .address = resource.address,
                           .thread = *holder.thread,
                           .owner = holder.recorded_id.value_or(Tid{}),
                           .mutex = resource.mutex,
                           .recursion = resource.recursion,
                           .found_by = FoundBy::kWaitedFor});
  }
}

}  // namespace pstuck
