// A demangled C++ name is long where it says least:
//
//   void std::__detail::visit<Shape<int, 3>, Painter>(Shape<int, 3>&, Painter const&) [clone .cold]
//   ^^^^ return type          ^^^^^^^^^^^^^^^^^^^^^^^ template arguments   ^^^ parameters
//
// One scan over the characters counts brackets, so that only those at the outermost level are
// cut. What looks like a bracket and is none: the characters of operator<, operator-> and the like,
// and the arrow in Rust's `fn() -> T`. Names whose brackets do not match stay as they are, and
// are cut in the middle when they are too long. Every function here is linear in the name.

#include "cli/function_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "cli/escape.h"

namespace pstuck {
namespace {

constexpr std::size_t kLongestParsedName = 4096;

constexpr std::array<std::string_view, 13> kBracketOperators{
    "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "()", "[]", "<", ">"};

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The length of "operator<<" and the like when it stands at `at`, else 0.
std::size_t operator_length(std::string_view name, std::size_t at) {
  constexpr std::string_view kWord = "operator";
  if (!name.substr(at).starts_with(kWord)) return 0;
  if (at > 0 && is_identifier(name[at - 1])) return 0;
  for (const std::string_view symbol : kBracketOperators) {
    if (name.substr(at + kWord.size()).starts_with(symbol)) return kWord.size() + symbol.size();
  }
  return 0;
}

/// Where the outermost brackets and spaces of a name stand.
struct Outline {
  struct Group {
    char open;
    std::size_t first;  ///< of the opening bracket
    std::size_t last;   ///< of the closing bracket
  };
  std::vector<Group> groups;
  std::vector<std::size_t> spaces;
};

/// None when the brackets do not match.
std::optional<Outline> outline(std::string_view name) {
  Outline found;
  std::string open;
  std::size_t first = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (const std::size_t skip = operator_length(name, i)) {
      i += skip - 1;
      continue;
    }
    const char c = name[i];
    if (c == '(' || c == '<' || c == '{' || c == '[') {
      if (open.empty()) first = i;
      open += c;
    } else if (c == ')' || c == '>' || c == '}' || c == ']') {
      if (c == '>' && i > 0 && name[i - 1] == '-') continue;
      const char expected = c == ')' ? '(' : c == '>' ? '<' : c == '}' ? '{' : '[';
      if (open.empty() || open.back() != expected) return std::nullopt;
      open.pop_back();
      if (open.empty()) found.groups.push_back({expected, first, i});
    } else if (c == ' ' && open.empty()) {
      found.spaces.push_back(i);
    }
  }
  if (!open.empty()) return std::nullopt;
  return found;
}

bool only_qualifiers(std::string_view text) {
  constexpr std::array<std::string_view, 5> kQualifiers{" const", " volatile", " noexcept", " &",
                                                        "&"};
  while (!text.empty()) {
    const auto* const found =
        std::find_if(kQualifiers.begin(), kQualifiers.end(),
                     [&](std::string_view qualifier) { return text.starts_with(qualifier); });
    if (found == kQualifiers.end()) return false;
    text.remove_prefix(found->size());
  }
  return true;
}

/// The group of the function's own parameters: the last one, with a name before it.
std::optional<Outline::Group> find_parameters(std::string_view name) {
  const auto found = outline(name);
  if (!found || found->groups.empty()) return std::nullopt;
  const Outline::Group group = found->groups.back();
  if (group.open != '(' || group.first == 0) return std::nullopt;
  if (name.substr(0, group.first).ends_with("::")) return std::nullopt;  // (anonymous namespace)
  if (!only_qualifiers(name.substr(group.last + 1))) return std::nullopt;
  return group;
}

/// "get[abi:cxx11](int) [clone .cold]" without what stands in square brackets.
std::string without_tags(std::string_view name) {
  std::string kept(name.substr(0, name.find(" [clone ")));
  for (std::size_t at = kept.find("[abi:"); at != std::string::npos; at = kept.find("[abi:", at)) {
    const std::size_t end = kept.find(']', at);
    if (end == std::string::npos) break;
    kept.erase(at, end + 1 - at);
  }
  return kept;
}

std::string without_return_type(std::string_view name) {
  const auto found = outline(name);
  if (!found) return std::string(name);
  std::size_t end = name.size();
  for (std::size_t at = name.find("operator"); at != std::string_view::npos;
       at = name.find("operator", at + 1)) {
    const bool inside = std::any_of(found->groups.begin(), found->groups.end(),
                                    [&](const auto& g) { return g.first < at && at < g.last; });
    if (inside || (at > 0 && is_identifier(name[at - 1]))) continue;
    end = at;
    break;
  }
  std::size_t start = 0;
  for (const std::size_t space : found->spaces) {
    const bool after_parameters = space > 0 && name[space - 1] == ')';
    if (space < end && !after_parameters) start = space + 1;
  }
  return std::string(name.substr(start));
}

std::string without_template_arguments(std::string_view name) {
  const auto found = outline(name);
  if (!found) return std::string(name);
  std::string kept;
  std::size_t from = 0;
  for (const Outline::Group& group : found->groups) {
    if (group.open != '<' || group.last == group.first + 1) continue;
    kept += name.substr(from, group.first + 1 - from);
    kept += "…";
    from = group.last;
  }
  return kept.append(name.substr(from));
}

std::string without_parameters(std::string_view name, std::string_view instead) {
  const auto group = find_parameters(name);
  if (!group || group->last == group->first + 1) return std::string(name);
  return std::string(name.substr(0, group->first)).append(instead);
}

std::string parsable(std::string_view demangled) {
  if (demangled.size() <= kLongestParsedName) return printable(demangled, kLongestParsedName);
  return printable(demangled.substr(0, kLongestParsedName), kLongestParsedName) + "…";
}

/// The bytes of the first `count` columns.
std::string_view head_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (at < text.size() && count > 0) {
    do {
      ++at;
    } while (at < text.size() && columns(text.substr(at, 1)) == 0);
    --count;
  }
  return text.substr(0, at);
}

}  // namespace

std::string without_middle(std::string_view printable_text, std::size_t width) {
  const std::size_t length = columns(printable_text);
  if (length <= width || width < 3) return std::string(printable_text);
  const std::size_t tail = width / 2;
  const std::string_view before_tail = head_of(printable_text, length - tail);
  return std::string(head_of(printable_text, width - 1 - tail))
      .append("…")
      .append(printable_text.substr(before_tail.size()));
}

std::string fitted_function(std::string_view demangled, std::size_t width) {
  std::string name = parsable(demangled);
  if (columns(name) > width) name = without_template_arguments(name);
  if (columns(name) > width) name = without_parameters(name, "(…)");
  return without_middle(name, width);
}

std::string bare_function(std::string_view demangled, std::size_t width) {
  std::string name = without_tags(parsable(demangled));
  if (const auto group = find_parameters(name)) name.resize(group->first);
  name = without_return_type(name);
  if (columns(name) > width) name = without_template_arguments(name);
  return without_middle(name, width);
}

}  // namespace pstuck
