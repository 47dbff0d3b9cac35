#pragma once

#include <string>
#include <string_view>

namespace pstuck {

/// "Cache::get(Key const&)" of a C++, Rust or D symbol; any other name as it is. Names that would
/// cost too much to demangle stay mangled.
std::string demangle(std::string_view symbol);

/// Without "@VERSION" and "@@VERSION".
std::string_view without_version(std::string_view symbol);

/// Where the last "::" outside brackets begins; npos for an unqualified name.
std::size_t find_last_scope(std::string_view name);

}  // namespace pstuck
