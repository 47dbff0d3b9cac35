#pragma once

#include <memory>
#include <optional>
#include <string>

#include "symbolize/modules.h"

namespace pstuck {

/// Names the locks inside global variables from their types in DWARF.
class MemberPaths {
 public:
  explicit MemberPaths(LoadedModules& modules);
  ~MemberPaths();

  /// What follows the variable's name for the lock at `offset` in it: "", ".mu_", ".shards[3].mu".
  /// `variable` is where the variable begins in the target. None without debug information, and
  /// when no member that is known to be a lock begins there.
  std::optional<std::string> find(std::size_t module, Address variable, std::uint64_t offset);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
