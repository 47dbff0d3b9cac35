#pragma once

#include <optional>
#include <string_view>

#include "symbolize/dwarf_types.h"
#include "symbolize/program.h"

namespace pstuck {

/// The member that a path like "state_.owner" leads to in objects of a class. None where the
/// module's debug information does not define the class, where its definitions differ in that
/// member, and for a member without a place and a size of its own.
std::optional<FieldPlace> find_named_member(DwarfTypes& types, std::size_t module,
                                            std::string_view class_name, std::string_view path);

/// The same for the elements of an array; none for another type.
std::optional<ElementField> find_element_member(DwarfTypes& types, std::size_t module,
                                                const DwarfEntry& array, std::string_view path);

}  // namespace pstuck
