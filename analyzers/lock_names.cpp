#include "analyzers/lock_names.h"

#include <fmt/format.h>

namespace pstuck {
namespace {

std::string to_name(const DataSymbol& symbol) {
  if (symbol.member) return symbol.name + *symbol.member;
  return symbol.offset == 0 ? symbol.name : fmt::format("{}+{:#x}", symbol.name, symbol.offset);
}

}  // namespace

void name_locks(Program& program, std::span<const VariableHit> /*variables*/,
                std::span<Resource> resources) {
  for (Resource& resource : resources) {
    if (resource.kind != ResourceKind::kMutex) continue;
    const auto symbol = program.find_data_symbol(resource.address);
    if (!symbol || symbol->name.empty()) continue;
    resource.name = to_name(*symbol);
    resource.named_by = symbol->member ? NamedBy::kVariable : NamedBy::kSymbol;
    resource.name_module = symbol->module;
    resource.type = symbol->type;
  }
}

}  // namespace pstuck
