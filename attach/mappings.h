#pragma once

#include "attach/snapshot.h"

namespace pstuck {

/// The mapping that holds the address, if the snapshot knows one.
const Mapping* find_mapping(const Snapshot& snapshot, Address at);

}  // namespace pstuck
