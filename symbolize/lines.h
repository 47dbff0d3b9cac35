#pragma once

#include <string>
#include <vector>

#include "symbolize/dwarf_functions.h"
#include "symbolize/dwarf_units.h"

namespace pstuck {

/// What DWARF says about one address: one call, inlined or the function itself.
struct SourceCall {
  std::string function;  ///< demangled, or qualified by its scopes; may be empty
  std::string file;      ///< as in DWARF, made absolute with the compilation directory
  int line = 0;
  bool inlined = false;
};

/// Files, lines and inlined calls from DWARF.
class SourceLines {
 public:
  SourceLines(DwarfUnits& units, DwarfFunctions& functions)
      : units_(units), functions_(functions) {}

  /// Innermost first; the last is the function that was really called, and its name is looked up
  /// only if asked for. Empty without DWARF.
  std::vector<SourceCall> find(std::size_t module, Address at, bool name_function);

 private:
  DwarfUnits& units_;
  DwarfFunctions& functions_;
};

}  // namespace pstuck
