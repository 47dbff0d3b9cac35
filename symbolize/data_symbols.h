#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "symbolize/modules.h"
#include "symbolize/program.h"
#include "symbolize/symbol_names.h"

namespace pstuck {

/// The variables of the modules' symbol tables, each table sorted when first asked.
class VariableIndex {
 public:
  explicit VariableIndex(LoadedModules& modules) : modules_(modules) {}

  /// The variable in this module that covers the address; without its member.
  std::optional<DataSymbol> find(std::size_t module, Address at);

  /// The variable of this name in the module.
  std::optional<Address> find(std::size_t module, std::string_view name);

 private:
  struct Variable {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    SymbolRank rank;
  };

  const std::vector<Variable>& variables_of(std::size_t module);
  static std::vector<Variable> read_variables(Dwfl_Module* module);

  LoadedModules& modules_;
  std::unordered_map<std::size_t, std::vector<Variable>> by_module_;
};

}  // namespace pstuck
