#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolize/dwarf_entry.h"
#include "symbolize/dwarf_scopes.h"

namespace pstuck {

/// A function whose body stands in the place of its call.
struct InlinedCall {
  std::string function;
  std::string call_file;  ///< absolute; empty when not known
  int call_line = 0;
};

/// The function around an address, and what was inlined there.
struct FunctionScopes {
  DwarfEntry function;
  std::vector<InlinedCall> inlined;  ///< innermost first
};

/// Finds functions by address inside DWARF units, each unit indexed when first asked.
class DwarfFunctions {
 public:
  explicit DwarfFunctions(DwarfScopes& scopes);
  ~DwarfFunctions();
  DwarfFunctions(const DwarfFunctions&) = delete;
  DwarfFunctions& operator=(const DwarfFunctions&) = delete;

  /// `pc` as linked, without the load bias.
  std::optional<FunctionScopes> find(const DwarfEntry& unit, std::uint64_t pc);

  /// The function around the address, then the blocks and inlined calls in it that hold the
  /// address, outermost first. Empty when there is none.
  std::vector<DwarfEntry> find_scopes(const DwarfEntry& unit, std::uint64_t pc);

  /// Demangled, or qualified by the names of its scopes.
  std::string name(const DwarfEntry& function);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
