#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct Dwarf;

namespace pstuck {

/// A compilation unit of DWARF, by its debugging entry's place.
struct DwarfUnit {
  Dwarf* dwarf = nullptr;
  std::uint64_t offset = 0;
};

/// A function whose body stands in the place of its call.
struct InlinedCall {
  std::string function;
  std::uint64_t call_file = 0;  ///< index into the unit's file table
  int call_line = 0;
};

/// The function around an address, and what was inlined there.
struct FunctionScopes {
  std::uint64_t entry = 0;           ///< of the function, for name()
  std::vector<InlinedCall> inlined;  ///< innermost first
};

/// Finds functions by address inside DWARF units, each unit indexed when first asked.
class DwarfFunctions {
 public:
  DwarfFunctions();
  ~DwarfFunctions();
  DwarfFunctions(const DwarfFunctions&) = delete;
  DwarfFunctions& operator=(const DwarfFunctions&) = delete;

  /// `pc` as linked, without the load bias.
  std::optional<FunctionScopes> find(const DwarfUnit& unit, std::uint64_t pc);

  /// Demangled, or qualified by the names of its scopes.
  std::string name(const DwarfUnit& unit, const FunctionScopes& scopes);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
