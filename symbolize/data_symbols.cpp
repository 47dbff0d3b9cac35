#include "symbolize/data_symbols.h"

#include <elfutils/libdwfl.h>

#include <algorithm>

#include "symbolize/demangle.h"
#include "symbolize/function_patterns.h"

namespace pstuck {
namespace {

// Symbols that lie inside a bigger one's extent: how many to look past for the bigger one.
constexpr int kMostNested = 16;

bool is_variable(const GElf_Sym& symbol, GElf_Word section) {
  const int type = GELF_ST_TYPE(symbol.st_info);
  return (type == STT_OBJECT || type == STT_TLS) && section != SHN_UNDEF && section != SHN_ABS &&
         symbol.st_size != 0;
}

}  // namespace

VariableIndex::Variables VariableIndex::read_variables(Dwfl_Module* module) {
  Variables variables;
  const int count = dwfl_module_getsymtab(module);
  for (int i = 0; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    const char* name =
        dwfl_module_getsym_info(module, i, &symbol, &address, &section, nullptr, nullptr);
    if (!name || *name == '\0' || !is_variable(symbol, section)) continue;
    const int binding = GELF_ST_BIND(symbol.st_info);
    const bool is_thread_local = GELF_ST_TYPE(symbol.st_info) == STT_TLS;
    auto& kind = is_thread_local ? variables.thread_local_ones : variables.fixed;
    kind.push_back({is_thread_local ? symbol.st_value : address,
                    symbol.st_size,
                    {name, binding == STB_LOCAL, binding == STB_WEAK}});
  }
  // At one address the smallest, and of its names the best, comes last.
  const auto comes_before = [](const Variable& a, const Variable& b) {
    if (a.start != b.start) return a.start < b.start;
    if (a.size != b.size) return a.size > b.size;
    return is_better_name(b.rank, a.rank);
  };
  std::ranges::sort(variables.fixed, comes_before);
  std::ranges::sort(variables.thread_local_ones, comes_before);
  return variables;
}

const VariableIndex::Variables& VariableIndex::variables_of(std::size_t module) {
  const auto [entry, is_new] = by_module_.try_emplace(module);
  if (is_new) {
    if (Dwfl_Module* handle = modules_.open(module)) entry->second = read_variables(handle);
  }
  return entry->second;
}

std::optional<DataSymbol> VariableIndex::find(std::size_t module, Address at) {
  return find_in(variables_of(module).fixed, module, at.value);
}

std::optional<DataSymbol> VariableIndex::find_thread_local(std::size_t module,
                                                           std::uint64_t offset) {
  return find_in(variables_of(module).thread_local_ones, module, offset);
}

std::optional<DataSymbol> VariableIndex::find_in(const std::vector<Variable>& variables,
                                                 std::size_t module, std::uint64_t at) const {
  auto next = std::ranges::upper_bound(variables, at, {}, &Variable::start);
  for (int i = 0; i < kMostNested && next != variables.begin(); ++i) {
    --next;
    const std::uint64_t offset = at - next->start;
    if (offset >= next->size) continue;
    return DataSymbol{.name = demangle(without_version(next->rank.name)),
                      .offset = offset,
                      .size = next->size,
                      .module = std::string(modules_.base_name(module))};
  }
  return {};
}

std::optional<Address> VariableIndex::find(std::size_t module, std::string_view name) {
  const auto is_it = [&](const Variable& variable) {
    return without_version(variable.rank.name) == name;
  };
  const std::vector<Variable>& variables = variables_of(module).fixed;
  const auto found = std::ranges::find_if(variables, is_it);
  if (found == variables.end()) return {};
  return Address{found->start};
}

std::optional<AddressRange> VariableIndex::find_own(std::size_t modules, const std::string& name) {
  const auto [entry, is_new] = own_.try_emplace(name);
  if (is_new) entry->second = look_for_own(modules, name);
  return entry->second;
}

std::optional<AddressRange> VariableIndex::look_for_own(std::size_t modules,
                                                        std::string_view name) {
  std::optional<AddressRange> found;
  for (std::size_t module = 0; module < modules; ++module) {
    if (modules_.is_c_library(module)) continue;
    for (const Variable& variable : variables_of(module).fixed) {
      const std::string_view symbol = without_version(variable.rank.name);
      if (!may_have_name(name, symbol) || demangle(symbol) != name) continue;
      const Address start{variable.start};
      const AddressRange range{start, start + variable.size};
      if (found && *found != range) return {};
      found = range;
    }
  }
  return found;
}

}  // namespace pstuck
