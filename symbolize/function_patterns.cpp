#include "symbolize/function_patterns.h"

#include <algorithm>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::size_t kLongestName = 4096;

/// "::h0123456789abcdef", which rustc adds to every function.
std::string_view without_hash(std::string_view name) {
  constexpr std::size_t kHash = 19;
  if (name.size() <= kHash) return name;
  const std::string_view end = name.substr(name.size() - kHash);
  const bool is_hash = end.starts_with("::h") &&
                       end.find_first_not_of("0123456789abcdef", 3) == std::string_view::npos;
  return is_hash ? name.substr(0, name.size() - kHash) : name;
}

/// Of Rust's "<Mutex<T> as Lock>::lock" and "<Mutex>::lock": "Mutex<T>::lock".
std::string without_impl(std::string_view name) {
  if (!name.starts_with('<')) return std::string(name);
  int depth = 0;
  std::size_t type_end = std::string_view::npos;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>' && name[i - 1] != '-') --depth;
    if (depth == 1 && type_end > i && name.substr(i).starts_with(" as ")) type_end = i;
    if (depth > 0) continue;
    return std::string(name.substr(1, std::min(type_end, i) - 1)) + std::string(name.substr(i + 1));
  }
  return {};
}

/// Of "decltype (f(x)) g(X)": " g(X)".
std::string_view without_decltype(std::string_view name) {
  if (!name.starts_with("decltype(") && !name.starts_with("decltype (")) return name;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '(') ++depth;
    if (name[i] == ')' && --depth == 0) return name.substr(i + 1);
  }
  return {};
}

/// Manglings spell identifiers out, but have short forms for the names of namespace std's own, of
/// operators and of what has no name.
constexpr std::string_view kSpelledOtherwise[] = {"std", "operator", "anonymous"};

constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

}  // namespace

std::string bare_function_name(std::string_view demangled) {
  const std::string name =
      without_impl(without_hash(without_version(demangled.substr(0, kLongestName))));
  std::string_view rest = without_decltype(name);
  std::string bare;
  int depth = 0;
  while (!rest.empty()) {
    const char c = rest.front();
    if (depth == 0 && rest.starts_with(kAnonymous)) {
      bare += kAnonymous;
      rest.remove_prefix(kAnonymous.size());
      continue;
    }
    if (depth == 0 && c == '(') break;
    if (c == '<') ++depth;
    if (depth == 0 && c == ' ') {
      bare.clear();  // what stood before was the return type
    } else if (depth == 0) {
      bare += c;
    }
    if (c == '>' && depth > 0) --depth;
    rest.remove_prefix(1);
  }
  // Rust: "futex::Mutex::<T>::lock" becomes "futex::Mutex::::lock".
  for (std::size_t at = bare.find("::::"); at != std::string::npos; at = bare.find("::::")) {
    bare.erase(at, 2);
  }
  if (bare.ends_with("::")) bare.resize(bare.size() - 2);
  return bare;
}

bool names_function(const std::string& pattern, std::string_view bare_name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) return pattern == bare_name;
  if (!bare_name.starts_with(std::string_view(pattern).substr(0, star))) return false;
  const std::string after = pattern.substr(star + 1);
  for (std::size_t i = star; i <= bare_name.size(); ++i) {
    if (names_function(after, bare_name.substr(i))) return true;
    if (i < bare_name.size() && bare_name[i] == ':') return false;
  }
  return false;
}

bool may_have_name(std::string_view pattern, std::string_view symbol) {
  const auto is_otherwise = [&](std::string_view word) {
    return pattern.find(word) != pattern.npos;
  };
  if (std::ranges::any_of(kSpelledOtherwise, is_otherwise)) return true;
  while (!pattern.empty()) {
    pattern.remove_prefix(std::min(pattern.find_first_of(kLetters), pattern.size()));
    const std::string_view word = pattern.substr(0, pattern.find_first_not_of(kLetters));
    if (symbol.find(word) == std::string_view::npos) return false;
    pattern.remove_prefix(word.size());
  }
  return true;
}

}  // namespace pstuck
