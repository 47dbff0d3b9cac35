#pragma once

#include <memory>
#include <optional>

#include "symbolize/dwarf_entry.h"
#include "symbolize/modules.h"

namespace pstuck {

/// The compilation unit of an address in the target.
struct UnitAt {
  DwarfEntry lines;        ///< has the line table
  DwarfEntry full;         ///< has the functions: with -gsplit-dwarf another, in a .dwo file
  std::uint64_t bias = 0;  ///< from DWARF's addresses to the target's
};

/// Finds units by address. Modules' DWARF is opened when first needed.
class DwarfUnits {
 public:
  explicit DwarfUnits(LoadedModules& modules);
  ~DwarfUnits();
  DwarfUnits(const DwarfUnits&) = delete;
  DwarfUnits& operator=(const DwarfUnits&) = delete;

  std::optional<UnitAt> find(std::size_t module, Address at);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The entry itself, or for a skeleton the unit in the .dwo file, where that can be opened.
DwarfEntry find_full_unit(const DwarfEntry& unit);

}  // namespace pstuck
