#pragma once

#include <optional>

#include "symbolize/modules.h"

namespace pstuck {

/// The canonical frame address is a register plus an offset.
struct FrameBase {
  unsigned dwarf_register = 0;
  std::uint64_t offset = 0;

  friend bool operator==(const FrameBase&, const FrameBase&) = default;
};

/// What a module's .eh_frame says about unwinding from one address.
struct UnwindRow {
  Address start;                  ///< the same holds from here on
  std::optional<FrameBase> base;  ///< none when it is computed in another way
  bool is_outermost = false;      ///< the function has no caller
};

/// Whether some table of the module, .debug_frame too, covers the address.
bool has_unwind_row(LoadedModules& modules, Address at);

/// None where there is no table, or none for this address.
std::optional<UnwindRow> find_unwind_row(LoadedModules& modules, Address at);

}  // namespace pstuck
