#include "symbolize/data_symbols.h"

#include <elfutils/libdwfl.h>

#include <algorithm>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

// Symbols that lie inside a bigger one's extent: how many to look past for the bigger one.
constexpr int kMostNested = 16;

bool is_variable(const GElf_Sym& symbol, GElf_Word section) {
  return GELF_ST_TYPE(symbol.st_info) == STT_OBJECT && section != SHN_UNDEF && section != SHN_ABS &&
         symbol.st_size != 0;
}

}  // namespace

std::vector<VariableIndex::Variable> VariableIndex::read_variables(Dwfl_Module* module) {
  std::vector<Variable> variables;
  const int count = dwfl_module_getsymtab(module);
  for (int i = 0; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    const char* name =
        dwfl_module_getsym_info(module, i, &symbol, &address, &section, nullptr, nullptr);
    if (!name || *name == '\0' || !is_variable(symbol, section)) continue;
    const int binding = GELF_ST_BIND(symbol.st_info);
    variables.push_back(
        {address, symbol.st_size, {name, binding == STB_LOCAL, binding == STB_WEAK}});
  }
  // Ascending; at one address the smallest, and of its names the best, comes last.
  std::ranges::sort(variables, [](const Variable& a, const Variable& b) {
    if (a.start != b.start) return a.start < b.start;
    if (a.size != b.size) return a.size > b.size;
    return is_better_name(b.rank, a.rank);
  });
  return variables;
}

const std::vector<VariableIndex::Variable>& VariableIndex::variables_of(std::size_t module) {
  const auto [entry, is_new] = by_module_.try_emplace(module);
  if (is_new) {
    if (Dwfl_Module* handle = modules_.open(module)) entry->second = read_variables(handle);
  }
  return entry->second;
}

std::optional<DataSymbol> VariableIndex::find(std::size_t module, Address at) {
  const std::vector<Variable>& variables = variables_of(module);
  auto next = std::ranges::upper_bound(variables, at.value, {}, &Variable::start);
  for (int i = 0; i < kMostNested && next != variables.begin(); ++i) {
    --next;
    const std::uint64_t offset = at.value - next->start;
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
  const std::vector<Variable>& variables = variables_of(module);
  const auto found = std::ranges::find_if(variables, is_it);
  if (found == variables.end()) return {};
  return Address{found->start};
}

}  // namespace pstuck
