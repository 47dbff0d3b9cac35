#include <algorithm>
#include <array>
#include <set>

#include "analyzers/holders/source.h"

namespace pstuck {
namespace {

struct Row {
  ResourceKind resource;
  PartnerSource find;
};

// The first row that finds somebody counts.
constexpr Row kTable[] = {
    {ResourceKind::kMutex, find_sole_holder},
    {ResourceKind::kRwlock, find_rwlock_readers},
    {ResourceKind::kSpinlock, find_sole_holder},
    {ResourceKind::kSemaphore, find_semaphore_units},
    {ResourceKind::kOnce, find_once_runners},
    {ResourceKind::kStaticGuard, find_initialisers},
    {ResourceKind::kLibcLock, find_interrupted_by_signal},
    {ResourceKind::kLibcLock, find_threads_in_libc},
    {ResourceKind::kLibraryLock, find_sole_holder},
    {ResourceKind::kCondition, find_notifiers},
    {ResourceKind::kBarrier, find_missing_parties},
    {ResourceKind::kLatch, find_missing_parties},
    {ResourceKind::kFuture, find_notifiers},
    {ResourceKind::kAtomic, find_notifiers},
};

/// libc's own locks are told by names, a thread's end by what it is.
bool is_told_by_code(ResourceKind kind) {
  return kind != ResourceKind::kLibcLock && kind != ResourceKind::kThread;
}

PartnerFinds find_partners_of(const PartnerQuestion& question) {
  for (const Row& row : kTable) {
    if (row.resource != question.resource().kind) continue;
    PartnerFinds finds = row.find(question);
    if (!finds.partners.empty()) return finds;
  }
  return {};
}

void take_over(PartnerFinds finds, Resource& resource) {
  std::ranges::stable_sort(finds.partners, {}, &Partner::thread);
  const auto same_thread = [](const Partner& a, const Partner& b) { return a.thread == b.thread; };
  finds.partners.erase(std::unique(finds.partners.begin(), finds.partners.end(), same_thread),
                       finds.partners.end());
  resource.partners = std::move(finds.partners);
  // What other processes do is not seen.
  resource.partners_complete = finds.complete && !resource.process_shared;
  resource.needs = finds.needs;
  if (!resource.partners_complete || resource.partners.size() != 1) return;
  const Partner& partner = resource.partners.front();
  resource.holder.evidence = partner.evidence;
  resource.holder.fate = OwnerFate::kThread;
  resource.holder.thread = partner.thread;
}

FrameClues find_clues(const PartnerSearch& search, const std::set<ResourceIndex>& wanted) {
  std::vector<Address> objects;
  for (const ResourceIndex index : wanted) {
    const Resource& resource = search.diagnosis.resources[index];
    if (is_told_by_code(resource.kind)) objects.push_back(resource.address);
  }
  std::ranges::sort(objects);
  return {search.sources.program.find_uses(search.stacks, objects), search.variables};
}

}  // namespace

void find_partners(const PartnerSearch& search, std::span<Resource> resources) {
  std::set<ResourceIndex> wanted;
  for (const Wait& wait : search.diagnosis.waits) {
    if (resources[wait.resource].holder.fate == OwnerFate::kNotRecorded) {
      wanted.insert(wait.resource);
    }
  }
  if (wanted.empty()) return;
  const FrameClues clues = find_clues(search, wanted);
  for (const ResourceIndex index : wanted) {
    PartnerFinds finds = find_partners_of({search, clues, index});
    if (!finds.partners.empty()) take_over(std::move(finds), resources[index]);
  }
}

}  // namespace pstuck
