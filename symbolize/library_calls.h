#pragma once

#include <optional>

#include "attach/memory.h"
#include "symbolize/modules.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// Where the innermost frame outside the C library calls into it, if the innermost frame of all is
/// inside. The frames must be physical ones.
std::optional<Address> find_library_call(const LoadedModules& modules, Memory& memory,
                                         const Stack& stack);

}  // namespace pstuck
