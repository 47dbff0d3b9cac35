#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_entry.h"

namespace pstuck {

/// What DWARF's entries stand in: libdw's entries do not know their parents. Each scope's inner
/// scopes are listed when first asked.
class DwarfScopes {
 public:
  /// Of a declaration: namespaces, classes and functions, innermost first, without the unit.
  std::vector<DwarfEntry> find(const DwarfEntry& entry);

  /// "ns::Outer::Inner"; without inline namespaces. Other scopes have names of their own:
  /// "(anonymous namespace)", "f()", "{unnamed}".
  const std::string& qualified_name(const DwarfEntry& entry);

  /// The outermost namespace or class around the declaration: "std"; empty outside all.
  std::string_view library(const DwarfEntry& entry);

 private:
  struct Scope {
    const void* end = nullptr;
    DwarfEntry entry;
  };

  const std::vector<Scope>& inner_scopes(const DwarfEntry& parent, const void* end);

  std::unordered_map<const void*, std::vector<Scope>> inner_;  // ascending
  std::unordered_map<const void*, std::string> names_;
};

}  // namespace pstuck
