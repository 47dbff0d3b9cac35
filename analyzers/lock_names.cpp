#include "analyzers/lock_names.h"

#include <fmt/format.h>

namespace pstuck {
namespace {

std::string to_name(const DataSymbol& symbol) {
  if (symbol.member) return symbol.name + *symbol.member;
  return symbol.offset == 0 ? symbol.name : fmt::format("{}+{:#x}", symbol.name, symbol.offset);
}

}  // namespace

void name_locks(DataSymbols& symbols, std::span<Resource> resources) {
  for (Resource& resource : resources) {
    if (resource.kind != ResourceKind::kMutex) continue;
    const auto symbol = symbols.find_data_symbol(resource.address);
    if (!symbol || symbol->name.empty()) continue;
    resource.name = to_name(*symbol);
    resource.name_module = symbol->module;
  }
}

}  // namespace pstuck
