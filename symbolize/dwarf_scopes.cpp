#include "symbolize/dwarf_scopes.h"

#include <dwarf.h>

#include <algorithm>
#include <bit>
#include <cstdint>

namespace pstuck {
namespace {

constexpr std::size_t kMostSiblings = 1 << 22;
constexpr int kDeepest = 64;

bool is_scope(int tag) {
  switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
      return true;
    default:
      return false;
  }
}

bool is_inline_namespace(const DwarfEntry& scope) {
  return scope.tag() == DW_TAG_namespace && !scope.name().empty() &&
         scope.has(DW_AT_export_symbols);
}

/// What a scope adds to the names of what stands in it; empty when nothing.
std::string name_of_scope(const DwarfEntry& scope) {
  const std::string name(scope.name());
  switch (scope.tag()) {
    case DW_TAG_namespace:
      if (is_inline_namespace(scope)) return {};
      return name.empty() ? "(anonymous namespace)" : name;
    case DW_TAG_subprogram:
      return name.empty() ? name : name + "()";
    case DW_TAG_lexical_block:
      return {};
    default:
      return name.empty() ? "{unnamed}" : name;
  }
}

}  // namespace

const std::vector<DwarfScopes::Scope>& DwarfScopes::inner_scopes(const DwarfEntry& parent,
                                                                 const void* end) {
  const auto [entry, is_new] = inner_.try_emplace(parent.bytes());
  std::vector<Scope>& scopes = entry->second;
  if (!is_new) return scopes;
  std::size_t budget = kMostSiblings;
  for (auto child = parent.first_child(); child && budget > 0; --budget) {
    const auto next = child->next_sibling();
    if (is_scope(child->tag())) scopes.push_back({next ? next->bytes() : end, *child});
    child = next;
  }
  return scopes;
}

std::vector<DwarfEntry> DwarfScopes::find(const DwarfEntry& entry) {
  const DwarfEntry target = entry.declaration();
  std::vector<DwarfEntry> found;
  DwarfEntry outer = target.unit_entry();
  const void* end = std::bit_cast<const void*>(UINTPTR_MAX);
  for (int i = 0; i < kDeepest; ++i) {
    const std::vector<Scope>& inner = inner_scopes(outer, end);
    const auto after = std::ranges::lower_bound(
        inner, target.bytes(), {}, [](const Scope& scope) { return scope.entry.bytes(); });
    if (after == inner.begin() || target.bytes() >= std::prev(after)->end) break;
    outer = std::prev(after)->entry;
    end = std::prev(after)->end;
    found.push_back(outer);
  }
  std::ranges::reverse(found);
  return found;
}

const std::string& DwarfScopes::qualified_name(const DwarfEntry& entry) {
  const auto [found, is_new] = names_.try_emplace(entry.bytes());
  std::string& name = found->second;
  if (!is_new) return name;
  name = entry.name().empty() ? "{unnamed}" : entry.name();
  for (const DwarfEntry& scope : find(entry)) {
    const std::string outer = name_of_scope(scope);
    if (!outer.empty()) name.insert(0, outer + "::");
  }
  return name;
}

std::string_view DwarfScopes::library(const DwarfEntry& entry) {
  const auto scopes = find(entry);
  return scopes.empty() ? std::string_view() : scopes.back().name();
}

}  // namespace pstuck
