#pragma once

#include <optional>
#include <unordered_map>

#include "attach/memory.h"
#include "symbolize/modules.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// What threads that are inside the C library have called. Each call is decoded once.
class LibraryCalls {
 public:
  LibraryCalls(const LoadedModules& modules, Memory& memory) : modules_(modules), memory_(memory) {}

  /// Where the innermost frame outside the C library calls to, if the innermost frame of all is
  /// inside. The frames must be physical ones.
  std::optional<Address> find_target(const Stack& stack);

 private:
  const LoadedModules& modules_;
  Memory& memory_;
  std::unordered_map<std::uint64_t, std::optional<Address>> targets_;  // by return address
};

}  // namespace pstuck
