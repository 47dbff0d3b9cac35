#include "symbolize/scope_variables.h"

#include <dwarf.h>

#include <algorithm>
#include <utility>

#include "symbolize/lock_types.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostVariables = 512;
constexpr int kMostChildren = 1 << 16;

/// Names that compilers made up, as those in a range-based for; but not a lambda's own object.
bool is_made_up(std::string_view name) {
  return name.empty() || (name.starts_with("__") && name != "__closure");
}

bool counts_from_cfa(const std::vector<DwarfOperation>& location) {
  return std::ranges::any_of(location, [](const DwarfOperation& operation) {
    return operation.code == DW_OP_call_frame_cfa;
  });
}

bool is_lambda(const DwarfEntry& type) {
  if (!type.name().empty()) return false;
  int budget = kMostChildren;
  for (auto child = type.first_child(); child && budget > 0; child = child->next_sibling()) {
    --budget;
    if (child->name() == "operator()") return true;
  }
  return false;
}

}  // namespace

const VariableDescription& ScopeIndex::describe(const ScopeVariable& variable) {
  if (!variable.description) {
    variable.description = VariableDescription{.name = std::string(variable.entry.name()),
                                               .type = types_.name(variable.entry.type()),
                                               .file = variable.entry.file(DW_AT_decl_file),
                                               .line = variable.entry.line(),
                                               .is_lambda = is_lambda(variable.type)};
  }
  return *variable.description;
}

const ScopeVariables& ScopeIndex::find(std::size_t module, Address at) {
  const auto [entry, is_new] = known_.try_emplace(at.value);
  if (is_new) entry->second = read(module, at);
  return entry->second;
}

ScopeVariables ScopeIndex::read(std::size_t module, Address at) {
  const auto unit = units_.find(module, at);
  if (!unit) return {};
  const std::uint64_t pc = at.value - unit->bias;
  const std::vector<DwarfEntry> scopes = functions_.find_scopes(unit->full, pc);
  if (scopes.empty()) return {};
  ScopeVariables result{.bias = unit->bias};
  result.frame_base = read_frame_base(scopes.front(), pc);
  const auto inlined = std::ranges::count_if(
      scopes, [](const DwarfEntry& scope) { return scope.tag() == DW_TAG_inlined_subroutine; });
  result.levels = static_cast<std::size_t>(inlined) + 1;
  std::size_t level = result.levels;
  bool is_wanted = true;
  for (const DwarfEntry& scope : scopes) {
    const int tag = scope.tag();
    if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) {
      --level;
      is_wanted = !is_of_standard_library(scope);
    }
    if (is_wanted) add_scope(module, scope, level, pc, result);
  }
  std::ranges::stable_sort(result.variables, {}, &ScopeVariable::level);
  result.needs_cfa = counts_from_cfa(result.frame_base) ||
                     std::ranges::any_of(result.variables, [](const ScopeVariable& variable) {
                       return counts_from_cfa(variable.location);
                     });
  return result;
}

// Its entry mostly tells by its mangled name; templates of local types have none.
bool ScopeIndex::is_of_standard_library(const DwarfEntry& function) {
  constexpr std::string_view kPrefixes[] = {"_ZNSt", "_ZNKSt", "_ZSt", "_ZN9__gnu_cxx",
                                            "_ZNK9__gnu_cxx"};
  const std::string_view linkage = function.text(DW_AT_linkage_name);
  if (linkage.empty()) return is_standard_library(types_.scopes().library(function));
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return linkage.starts_with(prefix); });
}

void ScopeIndex::add_scope(std::size_t module, const DwarfEntry& scope, std::size_t level,
                           std::uint64_t pc, ScopeVariables& result) {
  int budget = kMostChildren;
  for (auto child = scope.first_child(); child && budget > 0; child = child->next_sibling()) {
    --budget;
    if (result.variables.size() == kMostVariables) return;
    const int tag = child->tag();
    if (tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) continue;
    auto variable = judge(module, *child);
    if (!variable) continue;
    variable->location = read_location(*child, pc);
    if (variable->location.empty()) continue;
    variable->level = level;
    variable->is_parameter = tag == DW_TAG_formal_parameter;
    result.variables.push_back(std::move(*variable));
  }
}

std::optional<ScopeVariable> ScopeIndex::judge(std::size_t module, const DwarfEntry& variable) {
  if (!variable.has(DW_AT_location) || is_made_up(variable.name())) return {};
  auto type = variable.type();
  if (type) type = types_.bare(module, *type);
  if (!type) return {};
  const int tag = type->tag();
  const bool points = is_pointer(tag);
  if (points) {
    type = type->type();
    if (type) type = types_.bare(module, *type);
    if (!type) return {};
  }
  const std::uint64_t size = type->byte_size().value_or(0);
  const bool leads = types_.holds_locks(module, *type) || !pointers_.find(module, *type).empty();
  if (size == 0 || !leads) return {};
  return ScopeVariable{.entry = variable,
                       .is_pointer = tag == DW_TAG_pointer_type,
                       .is_reference = points && tag != DW_TAG_pointer_type,
                       .type = *type,
                       .size = size};
}

}  // namespace pstuck
