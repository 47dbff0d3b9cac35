#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_functions.h"
#include "symbolize/dwarf_locations.h"
#include "symbolize/dwarf_units.h"
#include "symbolize/object_pointers.h"

namespace pstuck {

/// What to say of a variable.
struct VariableDescription {
  std::string name;
  std::string type;
  std::string file;
  int line = 0;
  bool is_lambda = false;  ///< it is, or points to, the object of a lambda expression
};

/// A variable that exists at some code address and could lead to a lock by its type.
struct ScopeVariable {
  DwarfEntry entry;
  std::size_t level = 0;  ///< of inlined calls, from the innermost, as their frames come
  bool is_pointer = false;
  bool is_reference = false;
  bool is_parameter = false;
  DwarfEntry type;         ///< bare; of what it points to
  std::uint64_t size = 0;  ///< of an object of that type
  std::vector<DwarfOperation> location;
  mutable std::optional<VariableDescription> description;  // made when first needed
};

/// The variables in scope at one code address.
struct ScopeVariables {
  std::vector<ScopeVariable> variables;  ///< innermost level first, in the source's order there
  std::size_t levels = 0;                ///< the function itself and the calls inlined in it
  std::vector<DwarfOperation> frame_base;
  bool needs_cfa = false;  ///< some location counts from the canonical frame address
  std::uint64_t bias = 0;
};

/// Variables by code address, each address looked at once.
class ScopeIndex {
 public:
  ScopeIndex(DwarfUnits& units, DwarfFunctions& functions, DwarfTypes& types,
             ObjectPointers& pointers)
      : units_(units), functions_(functions), types_(types), pointers_(pointers) {}

  const ScopeVariables& find(std::size_t module, Address at);

  const VariableDescription& describe(const ScopeVariable& variable);

 private:
  ScopeVariables read(std::size_t module, Address at);
  void add_scope(std::size_t module, const DwarfEntry& scope, std::size_t level, std::uint64_t pc,
                 ScopeVariables& result);
  /// No programmer knows the names in the standard library's own functions.
  bool is_of_standard_library(const DwarfEntry& function);
  std::optional<ScopeVariable> judge(std::size_t module, const DwarfEntry& variable);

  DwarfUnits& units_;
  DwarfFunctions& functions_;
  DwarfTypes& types_;
  ObjectPointers& pointers_;
  std::unordered_map<std::uint64_t, ScopeVariables> known_;  // by address
};

}  // namespace pstuck
