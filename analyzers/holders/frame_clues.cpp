#include "analyzers/holders/frame_clues.h"

#include <algorithm>
#include <utility>

namespace pstuck {
namespace {

Address lock_of(const VariableHit* hit) { return hit->lock; }

}  // namespace

FrameClues::FrameClues(std::vector<ObjectUse> uses, std::span<const VariableHit> variables)
    : uses_(std::move(uses)) {
  std::ranges::stable_sort(uses_, {},
                           [](const ObjectUse& use) { return std::pair(use.object, use.thread); });
  variables_.reserve(variables.size());
  for (const VariableHit& hit : variables) variables_.push_back(&hit);
  std::ranges::stable_sort(variables_, {}, lock_of);
}

std::span<const ObjectUse> FrameClues::uses_of(Address object) const {
  const auto first = std::ranges::lower_bound(uses_, object, {}, &ObjectUse::object);
  return {first, std::ranges::upper_bound(uses_, object, {}, &ObjectUse::object)};
}

std::span<const VariableHit* const> FrameClues::variables_of(Address object) const {
  const auto first = std::ranges::lower_bound(variables_, object, {}, lock_of);
  return {first, std::ranges::upper_bound(variables_, object, {}, lock_of)};
}

}  // namespace pstuck
