#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_entry.h"
#include "symbolize/dwarf_scopes.h"
#include "symbolize/modules.h"

namespace pstuck {

/// The classes that modules define, by name. A module is indexed when first asked, which takes as
/// long as its debug information is big: 0.1 s for 50 MB.
class DwarfClasses {
 public:
  DwarfClasses(LoadedModules& modules, DwarfScopes& scopes) : modules_(modules), scopes_(scopes) {}

  /// Definitions of the class with this qualified name, spelled with or without its inline
  /// namespaces; a class of a header is defined in many units. No classes inside functions.
  std::vector<DwarfEntry> find(std::size_t module, std::string_view qualified_name);

  /// Definitions of classes that have this name by a typedef only, as C's often have.
  std::vector<DwarfEntry> find_by_typedef(std::size_t module, std::string_view qualified_name);

 private:
  using ByName = std::unordered_map<std::string_view, std::vector<DwarfEntry>>;  // their own names
  struct Index {
    ByName classes;
    ByName typedefs;  // of classes without a name
  };
  friend class ClassGatherer;

  const Index& index_of(std::size_t module);
  std::vector<DwarfEntry> find_in(const ByName& entries, std::string_view own_name,
                                  std::string_view qualified_name);
  bool has_name(const DwarfEntry& entry, std::string_view qualified_name);

  LoadedModules& modules_;
  DwarfScopes& scopes_;
  std::unordered_map<std::size_t, Index> indexes_;
};

}  // namespace pstuck
