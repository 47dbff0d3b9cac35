#include "attach/mappings.h"

#include <algorithm>

namespace pstuck {

const Mapping* find_mapping(const Snapshot& snapshot, Address at) {
  const auto after = std::ranges::upper_bound(snapshot.mappings, at, {}, &Mapping::start);
  if (after == snapshot.mappings.begin()) return nullptr;
  const Mapping& mapping = *std::prev(after);
  return at < mapping.end ? &mapping : nullptr;
}

}  // namespace pstuck
