#pragma once

#include <memory>
#include <span>
#include <vector>

#include "attach/memory.h"
#include "symbolize/dwarf_functions.h"
#include "symbolize/dwarf_types.h"
#include "symbolize/dwarf_units.h"
#include "symbolize/modules.h"
#include "symbolize/program.h"

namespace pstuck {

/// Finds the variables in threads' frames that have to do with locks. All that it is given must
/// outlive it.
class FrameVariables {
 public:
  FrameVariables(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                 DwarfUnits& units, DwarfFunctions& functions, DwarfTypes& types);
  ~FrameVariables();

  /// As Program::find_variables().
  std::vector<VariableHit> find(const Stacks& stacks, std::span<const Address> locks);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
