#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pstuck {

/// A demangled name, printable, in at most `width` columns: in full when it fits, else its
/// template arguments become <…>, then its parameters (…), then its middle is left out.
std::string fitted_function(std::string_view demangled, std::size_t width);

/// The name alone, without return type, parameters and qualifiers; fitted like the above.
std::string bare_function(std::string_view demangled, std::size_t width);

/// Printable text with its middle left out, in at most `width` columns.
std::string without_middle(std::string_view printable_text, std::size_t width);

}  // namespace pstuck
