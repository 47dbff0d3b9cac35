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
constexpr std::array<Row, 0> kTable = {};

PartnerFinds find_partners_of(const PartnerSearch& search, ResourceIndex index) {
  for (const Row& row : kTable) {
    if (row.resource != search.diagnosis.resources[index].kind) continue;
    PartnerFinds finds = row.find(search, index);
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
  resource.partners_complete = finds.complete;
  resource.needs = finds.needs;
  if (!finds.complete || resource.partners.size() != 1) return;
  const Partner& partner = resource.partners.front();
  resource.holder.evidence = partner.evidence;
  resource.holder.fate = OwnerFate::kThread;
  resource.holder.thread = partner.thread;
}

}  // namespace

void find_partners(const PartnerSearch& search, std::span<Resource> resources) {
  std::set<ResourceIndex> waited_for;
  for (const Wait& wait : search.diagnosis.waits) waited_for.insert(wait.resource);
  for (const ResourceIndex index : waited_for) {
    if (resources[index].holder.fate != OwnerFate::kNotRecorded) continue;
    PartnerFinds finds = find_partners_of(search, index);
    if (!finds.partners.empty()) take_over(std::move(finds), resources[index]);
  }
}

}  // namespace pstuck
