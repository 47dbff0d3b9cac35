#include "analyzers/held_locks.h"

namespace pstuck {

void find_held_locks(const Snapshot& /*snapshot*/, const Stacks& /*stacks*/,
                     const ThreadIds& /*ids*/, const Sources& /*sources*/,
                     const DiagnoseOptions& /*options*/, Diagnosis& diagnosis) {
  for (ResourceIndex i = 0; i < diagnosis.resources.size(); ++i) {
    const Resource& resource = diagnosis.resources[i];
    if (resource.kind == ResourceKind::kThread) continue;
    if (resource.holder.fate != OwnerFate::kThread || !resource.holder.thread) continue;
    diagnosis.held.push_back({.thread = *resource.holder.thread, .resource = i});
  }
}

}  // namespace pstuck
