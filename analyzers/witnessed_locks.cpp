#include "analyzers/witnessed_locks.h"

#include "analyzers/held_locks.h"

namespace pstuck {
namespace {

bool is_holding(Part part) {
  switch (part) {
    case Part::kHolds:
    case Part::kReads:
    case Part::kTookUnit:
    case Part::kInitialises:
      return true;
    case Part::kIsToArrive:
    case Part::kMayNotify:
    case Part::kMakesResult:
      break;
  }
  return false;
}

}  // namespace

void hold_by_witness(Diagnosis& diagnosis) {
  for (ResourceIndex i = 0; i < diagnosis.resources.size(); ++i) {
    const Resource& resource = diagnosis.resources[i];
    if (!resource.partners_complete || !is_lock(resource.kind)) continue;
    for (const Partner& partner : resource.partners) {
      if (!is_holding(partner.part)) continue;
      HeldLock held{.thread = partner.thread, .resource = i, .found_by = FoundBy::kWitness};
      if (partner.frame) {
        held.acquisition = Acquisition{.frame = *partner.frame, .by = AttributedBy::kLockingCode};
      }
      diagnosis.held.push_back(std::move(held));
    }
  }
  sort_held(diagnosis);
}

}  // namespace pstuck
