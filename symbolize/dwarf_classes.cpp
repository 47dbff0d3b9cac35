#include "symbolize/dwarf_classes.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>

#include "symbolize/demangle.h"
#include "symbolize/dwarf_units.h"

namespace pstuck {
namespace {

// Bounds for hostile debug information, and for honest one that is too big to be walked.
// Each "::" in a name is a step deeper.
constexpr std::size_t kLongestName = 2048;
constexpr std::size_t kMostEntries = 4'000'000;
constexpr std::size_t kMostAlike = 64;
constexpr int kDeepest = 64;

}  // namespace

/// Gathers the classes of a module's units and namespaces.
class ClassGatherer {
 public:
  DwarfClasses::Index gather(Dwarf* dwarf);

 private:
  void walk(const DwarfEntry& parent, int depth);
  static void add(const DwarfEntry& entry, DwarfClasses::ByName& entries);

  DwarfClasses::Index index_;
  std::size_t budget_ = kMostEntries;
};

DwarfClasses::Index ClassGatherer::gather(Dwarf* dwarf) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die entry;
  while (budget_ > 0 &&
         dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &entry, nullptr) == 0) {
    if (entry.addr) walk(find_full_unit({entry.addr, entry.cu}), 0);
  }
  return std::move(index_);
}

void ClassGatherer::add(const DwarfEntry& entry, DwarfClasses::ByName& entries) {
  auto& alike = entries[entry.name()];
  if (alike.size() < kMostAlike) alike.push_back(entry);
}

void ClassGatherer::walk(const DwarfEntry& parent, int depth) {
  for (auto child = parent.first_child(); child && budget_ > 0; child = child->next_sibling()) {
    --budget_;
    const int tag = child->tag();
    if (tag == DW_TAG_namespace) {
      if (depth < kDeepest && child->name() != "std") walk(*child, depth + 1);
    } else if (is_class(tag) && !child->is_declaration() && !child->name().empty()) {
      add(*child, index_.classes);
    } else if (tag == DW_TAG_typedef) {
      const auto type = child->type();
      if (type && is_class(type->tag()) && type->name().empty()) add(*child, index_.typedefs);
    }
  }
}

namespace {

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
    if (dwarf) entry->second = ClassGatherer().gather(dwarf);
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

std::vector<DwarfEntry> DwarfClasses::find_in(const ByName& entries, std::string_view own_name,
                                              std::string_view qualified_name) {
  std::vector<DwarfEntry> found;
  if (const auto alike = entries.find(own_name); alike != entries.end()) {
    std::ranges::copy_if(alike->second, std::back_inserter(found),
                         [&](const DwarfEntry& entry) { return has_name(entry, qualified_name); });
  }
  return found;
}

std::vector<DwarfEntry> DwarfClasses::find(std::size_t module, std::string_view qualified_name) {
  if (qualified_name.size() > kLongestName) return {};
  const std::size_t split = find_last_scope(qualified_name);
  const bool is_qualified = split != std::string_view::npos;
  const std::string_view own = is_qualified ? qualified_name.substr(split + 2) : qualified_name;
  std::vector<DwarfEntry> found = find_in(index_of(module).classes, own, qualified_name);
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

std::vector<DwarfEntry> DwarfClasses::find_by_typedef(std::size_t module,
                                                      std::string_view qualified_name) {
  if (qualified_name.size() > kLongestName) return {};
  const std::size_t split = find_last_scope(qualified_name);
  const std::string_view own =
      split == std::string_view::npos ? qualified_name : qualified_name.substr(split + 2);
  return find_in(index_of(module).typedefs, own, qualified_name);
}

}  // namespace pstuck
