#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "attach/snapshot.h"

struct Dwfl_Module;

namespace pstuck {

/// A function of a symbol table, in the target's addresses.
struct FunctionSymbol {
  std::string_view name;  ///< without version; lives as long as the module
  Address start;
};

/// The best symbol for each address, in one pass over the module's symbol table. The addresses
/// must be ascending; the answers are in their order, none where no symbol covers the address.
std::vector<std::optional<FunctionSymbol>> find_functions(Dwfl_Module* module,
                                                          std::span<const Address> addresses);

/// Every function that the module's symbol table defines, by each of its names; with version.
void visit_functions(Dwfl_Module* module,
                     const std::function<void(std::string_view name, Address start)>& visit);

/// Orders the names that one address goes by: true when `a` is the one to show.
struct SymbolRank {
  std::string_view name;  ///< as it stands in the file
  bool local = false;
  bool weak = false;
};
bool is_better_name(const SymbolRank& a, const SymbolRank& b);

}  // namespace pstuck
