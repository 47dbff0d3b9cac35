#pragma once

#include <string>
#include <string_view>

namespace pstuck {

/// "Cache::get(Key const&)" of a C++, Rust or D symbol; any other name as it is. Names that would
/// cost too much to demangle stay mangled.
std::string demangle(std::string_view symbol);

/// Without "@VERSION" and "@@VERSION".
std::string_view without_version(std::string_view symbol);

}  // namespace pstuck
