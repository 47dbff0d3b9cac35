#include "symbolize/dwarf_classes.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>

#include "symbolize/dwarf_units.h"

namespace pstuck {
namespace {

// Bounds for hostile debug information, and for honest one that is too big to be walked.
// Each "::" in a name is a step deeper.
constexpr std::size_t kLongestName = 2048;
constexpr std::size_t kMostEntries = 4'000'000;
constexpr std::size_t kMostAlike = 64;
constexpr int kDeepest = 64;

/// Gathers the classes of a module's units and namespaces.
class Gatherer {
 public:
  using Index = std::unordered_map<std::string_view, std::vector<DwarfEntry>>;

  Index gather(Dwarf* dwarf);

 private:
  void walk(const DwarfEntry& parent, int depth);

  Index index_;
  std::size_t budget_ = kMostEntries;
};

Gatherer::Index Gatherer::gather(Dwarf* dwarf) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die entry;
  while (budget_ > 0 &&
         dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &entry, nullptr) == 0) {
    if (entry.addr) walk(find_full_unit({entry.addr, entry.cu}), 0);
  }
  return std::move(index_);
}

void Gatherer::walk(const DwarfEntry& parent, int depth) {
  for (auto child = parent.first_child(); child && budget_ > 0; child = child->next_sibling()) {
    --budget_;
    if (child->tag() == DW_TAG_namespace) {
      if (depth < kDeepest && child->name() != "std") walk(*child, depth + 1);
    } else if (is_class(child->tag()) && !child->is_declaration() && !child->name().empty()) {
      auto& alike = index_[child->name()];
      if (alike.size() < kMostAlike) alike.push_back(*child);
    }
  }
}

/// Where the last "::" outside brackets begins; npos for an unqualified name.
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

/// Demangler and compilers put spaces in different places.
std::string without_spaces(std::string_view text) {
  std::string packed(text);
  std::erase(packed, ' ');
  return packed;
}

}  // namespace

const DwarfClasses::Index& DwarfClasses::index_of(std::size_t module) {
  const auto [entry, is_new] = indexes_.try_emplace(module);
  if (is_new) {
    Dwarf_Addr bias = 0;
    Dwfl_Module* handle = modules_.open(module);
    Dwarf* dwarf = handle ? dwfl_module_getdwarf(handle, &bias) : nullptr;
    if (dwarf) entry->second = Gatherer().gather(dwarf);
  }
  return entry->second;
}

bool DwarfClasses::has_name(const DwarfEntry& entry, std::string_view qualified_name) {
  const std::string wanted = without_spaces(qualified_name);
  if (without_spaces(scopes_.qualified_name(entry)) == wanted) return true;
  std::string full(entry.name());
  for (const DwarfEntry& scope : scopes_.find(entry)) {
    const std::string_view name = scope.name();
    full.insert(0, std::string(name.empty() ? "(anonymous namespace)" : name) + "::");
  }
  return without_spaces(full) == wanted;
}

std::vector<DwarfEntry> DwarfClasses::find(std::size_t module, std::string_view qualified_name) {
  if (qualified_name.size() > kLongestName) return {};
  const std::size_t split = find_last_scope(qualified_name);
  const bool is_qualified = split != std::string_view::npos;
  const std::string_view own = is_qualified ? qualified_name.substr(split + 2) : qualified_name;
  std::vector<DwarfEntry> found;
  const Index& index = index_of(module);
  if (const auto alike = index.find(own); alike != index.end()) {
    std::ranges::copy_if(alike->second, std::back_inserter(found),
                         [&](const DwarfEntry& entry) { return has_name(entry, qualified_name); });
  }
  if (!found.empty() || !is_qualified) return found;
  for (const DwarfEntry& outer : find(module, qualified_name.substr(0, split))) {
    std::size_t budget = kMostAlike * kMostAlike;
    for (auto inner = outer.first_child(); inner && budget-- > 0; inner = inner->next_sibling()) {
      if (is_class(inner->tag()) && inner->name() == own && !inner->is_declaration()) {
        found.push_back(*inner);
      }
    }
  }
  return found;
}

}  // namespace pstuck
