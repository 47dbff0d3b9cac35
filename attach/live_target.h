#pragma once

#include <memory>

#include "attach/target.h"

namespace pstuck {

/// Finds the process, or the process of the thread, with this id in pstuck's own PID namespace, and
/// checks that it can be read. Throws Error that names what stands in the way.
std::unique_ptr<Target> open_live_target(Tid id);

}  // namespace pstuck
