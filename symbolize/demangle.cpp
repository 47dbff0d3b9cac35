#include "symbolize/demangle.h"

// libiberty.h would declare basename() otherwise than <cstring> does.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace pstuck {
namespace {

constexpr std::size_t kLongestName = 64 * 1024;

// D's back references can each double what is printed.
constexpr std::ptrdiff_t kMostBackReferences = 12;

/// Takes what a demangler prints, piece by piece. A short name can print as gigabytes; since a
/// demangler cannot be told to stop, it is left by a jump. Both libiberty's C++ and Rust demanglers
/// keep everything on the stack while they print (Rust's leaks one small buffer at worst).
struct Output {
  std::jmp_buf too_long;
  std::size_t size = 0;
  std::array<char, kLongestName> text;
};

void append(const char* text, std::size_t size, void* opaque) noexcept {
  auto& output = *static_cast<Output*>(opaque);
  if (size > output.text.size() - output.size) std::longjmp(output.too_long, 1);
  std::memcpy(output.text.data() + output.size, text, size);
  output.size += size;
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

/// Nothing in here may need a destructor: the jump passes over it.
bool run(Demangler demangler, const char* symbol, Output* output) {
  if (setjmp(output->too_long) != 0) return false;
  return demangler(symbol, DMGL_PARAMS | DMGL_ANSI, append, output) != 0;
}

std::string demangle_with(Demangler demangler, const std::string& symbol) {
  const auto output = std::make_unique_for_overwrite<Output>();
  if (!run(demangler, symbol.c_str(), output.get())) return {};
  return {output->text.data(), output->size};
}

std::string demangle_d(const std::string& symbol) {
  if (std::ranges::count(symbol, 'Q') > kMostBackReferences) return {};
  const std::unique_ptr<char, decltype(&std::free)> text(dlang_demangle(symbol.c_str(), 0),
                                                         std::free);
  if (!text || std::strlen(text.get()) > kLongestName) return {};
  return text.get();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string try_demangle(std::string_view symbol) {
  if (symbol.size() < 3 || symbol.size() > kLongestName || symbol[0] != '_') return {};
  const std::string name(symbol);
  const char third = symbol[2];
  if (symbol[1] == 'Z') {
    // Rust's older names look like C++ but end in a hash, which its demangler leaves out.
    if (std::string text = demangle_with(rust_demangle_callback, name); !text.empty()) return text;
    return demangle_with(cplus_demangle_v3_callback, name);
  }
  if (symbol[1] == 'R' && is_upper(third)) return demangle_with(rust_demangle_callback, name);
  if (symbol[1] == 'D' && (is_digit(third) || symbol == "_Dmain")) return demangle_d(name);
  return {};
}

}  // namespace

std::string demangle(std::string_view symbol) {
  std::string text = try_demangle(symbol);
  return text.empty() ? std::string(symbol) : text;
}

std::string_view without_version(std::string_view symbol) {
  const std::size_t at = symbol.find('@');
  return at == std::string_view::npos || at == 0 ? symbol : symbol.substr(0, at);
}

std::size_t find_last_scope(std::string_view name) {
  int depth = 0;
  for (std::size_t i = name.size(); i-- > 1;) {
    const char c = name[i];
    if (c == '>' || c == ')') ++depth;
    if (c == '<' || c == '(') --depth;
    if (depth == 0 && c == ':' && name[i - 1] == ':') return i - 1;
  }
  return std::string_view::npos;
}

}  // namespace pstuck
