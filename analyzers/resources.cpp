#include "analyzers/resources.h"

#include <utility>

namespace pstuck {

std::vector<ThreadIndex> find_who_must_act(const Resource& resource) {
  std::vector<ThreadIndex> threads;
  if (resource.holder.fate == OwnerFate::kThread) {
    if (resource.holder.thread) threads.push_back(*resource.holder.thread);
  } else if (resource.holder.fate == OwnerFate::kNotRecorded && resource.partners_complete) {
    for (const Partner& partner : resource.partners) threads.push_back(partner.thread);
  }
  return threads;
}

bool holds_up(const Resource& resource) {
  if (resource.kind != ResourceKind::kSemaphore) return is_lock(resource.kind);
  return !resource.partners.empty() || resource.holder.fate == OwnerFate::kThread;
}

void keep_resources(std::span<const ResourceIndex> kept, Diagnosis& diagnosis) {
  std::vector<ResourceIndex> new_index(diagnosis.resources.size());
  std::vector<Resource> resources;
  for (const ResourceIndex i : kept) {
    new_index[i] = resources.size();
    resources.push_back(std::move(diagnosis.resources[i]));
  }
  diagnosis.resources = std::move(resources);
  for (Wait& wait : diagnosis.waits) wait.resource = new_index[wait.resource];
  for (HeldLock& held : diagnosis.held) held.resource = new_index[held.resource];
}

}  // namespace pstuck
