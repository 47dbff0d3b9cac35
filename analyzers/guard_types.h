#pragma once

#include <string_view>

namespace pstuck {

/// A guard of this type may exist without having its lock. Only a few library classes cannot.
bool can_be_empty(std::string_view guard_type);

/// A guard of this type has its lock together with other readers.
bool is_reader_guard(std::string_view guard_type);

}  // namespace pstuck
