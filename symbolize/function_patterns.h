#pragma once

#include <string>
#include <string_view>

namespace pstuck {

/// "foo::bar" of "int foo::bar<int>(int) const"; also of Rust's names, without their hash.
std::string bare_function_name(std::string_view demangled);

/// Whether a bare name fits a pattern, in which "*" stands for any letters but ":".
bool names_function(const std::string& pattern, std::string_view bare_name);

/// Cheap, before a symbol is demangled: false only where the pattern cannot fit its name.
bool may_have_name(std::string_view pattern, std::string_view symbol);

}  // namespace pstuck
