#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

  /// The same for a thread-local variable, by its offset in a thread's copy of the module's.
  std::optional<DataSymbol> find_thread_local(std::size_t module, std::uint64_t offset);

  /// The variable of this name in the module.
  std::optional<Address> find(std::size_t module, std::string_view name);

  /// The variable that has this name once it is demangled, of the first so many modules without the
  /// C library; none where several have it.
  std::optional<AddressRange> find_own(std::size_t modules, const std::string& name);

 private:
  struct Variable {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    SymbolRank rank;
  };

  /// Ascending; of variables at one address the one to show comes last.
  struct Variables {
    std::vector<Variable> fixed;
    std::vector<Variable> thread_local_ones;  ///< by offset
  };

  std::optional<AddressRange> look_for_own(std::size_t modules, std::string_view name);
  const Variables& variables_of(std::size_t module);
  static Variables read_variables(Dwfl_Module* module);
  std::optional<DataSymbol> find_in(const std::vector<Variable>& variables, std::size_t module,
                                    std::uint64_t at) const;

  LoadedModules& modules_;
  std::unordered_map<std::size_t, Variables> by_module_;
  std::unordered_map<std::string, std::optional<AddressRange>> own_;  // by name, once asked for
};

}  // namespace pstuck
