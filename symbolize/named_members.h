#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "symbolize/dwarf_types.h"
#include "symbolize/program.h"

namespace pstuck {

/// Members of classes by their names. Each is looked for once.
class NamedMembers {
 public:
  explicit NamedMembers(DwarfTypes& types) : types_(types) {}

  /// The member that a path like "state_.owner" leads to in objects of a class. None where the
  /// module's debug information does not define the class, where its definitions differ in that
  /// member, and for a member without a place and a size of its own.
  std::optional<FieldPlace> find(std::size_t module, std::string_view class_name,
                                 std::string_view path);

 private:
  std::optional<FieldPlace> look_for(std::size_t module, std::string_view class_name,
                                     std::string_view path);

  DwarfTypes& types_;
  std::map<std::pair<std::size_t, std::string>, std::optional<FieldPlace>> known_;
};

/// The same for the elements of an array; none for another type.
std::optional<ElementField> find_element_member(DwarfTypes& types, std::size_t module,
                                                const DwarfEntry& array, std::string_view path);

}  // namespace pstuck
