// Functions and inlined calls in DWARF's tree of entries.
//
//     unit
//     ├── namespace
//     │   └── subprogram  Cache::get    [0x1200, 0x1290)
//     │       └── lexical block         [0x1210, 0x1280)
//     │           └── inlined           [0x1214, 0x1230)   std::mutex::lock, called at line 41
//     │               └── inlined       [0x1218, 0x1224)   pthread wrapper, called at line 100
//     └── subprogram …
//
// libdw finds an address by walking a whole unit. Here a unit's functions are gathered once into a
// sorted table, and only the one function is searched. Functions nearly always stand in the unit
// or in its namespaces; lambdas and members of local classes stand inside other functions, Rust's
// methods inside types. Those deeper places are walked only when an address was not found without.
//
// Any entry may lie: sibling references could lead backwards, so every walk has a budget.

#include "symbolize/dwarf_functions.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostSearched = 1 << 24;  // entries, in all functions together
constexpr std::size_t kMostEntries = 1 << 22;   // of one unit; the biggest seen have a million
constexpr int kDeepest = 128;
constexpr std::size_t kMostScopes = 512;

// Code that the linker dropped keeps entries at address 0, or 1 in lists of ranges.
constexpr Dwarf_Addr kDropped = 1;

Dwarf_Die to_die(const DwarfEntry& entry) { return {entry.bytes(), entry.unit(), nullptr, 0}; }

struct Range {
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  DwarfEntry entry;
};

struct UnitIndex {
  std::vector<Range> functions;  // ascending by start
  bool deep = false;
};

/// Gathers the functions of a unit.
class Gatherer {
 public:
  explicit Gatherer(bool deep) : deep_(deep) {}

  std::vector<Range> gather(const DwarfEntry& unit) {
    walk(unit, 0);
    std::ranges::stable_sort(ranges_, {}, &Range::start);
    return std::move(ranges_);
  }

 private:
  void walk(const DwarfEntry& parent, int depth);
  void add(const DwarfEntry& function);
  [[nodiscard]] bool leads_to_functions(int tag) const;

  bool deep_;
  std::size_t budget_ = kMostEntries;
  std::vector<Range> ranges_;
};

bool Gatherer::leads_to_functions(int tag) const {
  switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
      return true;
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
      return deep_;
    default:
      return false;
  }
}

void Gatherer::add(const DwarfEntry& function) {
  Dwarf_Die die = to_die(function);
  Dwarf_Addr base = 0;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  for (std::ptrdiff_t next = 0; budget_ > 0; --budget_) {
    next = dwarf_ranges(&die, next, &base, &start, &end);
    if (next <= 0) return;
    if (start > kDropped && start < end) ranges_.push_back({start, end, function});
  }
}

void Gatherer::walk(const DwarfEntry& parent, int depth) {
  if (depth > kDeepest) return;
  for (auto child = parent.first_child(); child && budget_ > 0; child = child->next_sibling()) {
    --budget_;
    const int tag = child->tag();
    if (tag == DW_TAG_subprogram) add(*child);
    if (leads_to_functions(tag)) walk(*child, depth + 1);
  }
}

/// The inlined call or block among the entry's children that holds the address.
std::optional<DwarfEntry> find_inner(const DwarfEntry& parent, Dwarf_Addr pc, std::size_t& budget) {
  for (auto inner = parent.first_child(); inner && budget > 0; inner = inner->next_sibling()) {
    --budget;
    switch (inner->tag()) {
      case DW_TAG_inlined_subroutine:
      case DW_TAG_lexical_block:
      case DW_TAG_try_block:
      case DW_TAG_catch_block: {
        Dwarf_Die die = to_die(*inner);
        if (dwarf_haspc(&die, pc) > 0) return inner;
        break;
      }
      default:
        break;
    }
  }
  return {};
}

bool has_no_scopes(const DwarfEntry& unit) {
  switch (unit.number(DW_AT_language).value_or(0)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_Mips_Assembler:
      return true;
    default:
      return false;
  }
}

/// The name of a scope that is part of its functions' names; none for other entries.
std::optional<std::string_view> scope_name(const DwarfEntry& scope) {
  const std::string_view name = scope.name();
  switch (scope.tag()) {
    case DW_TAG_namespace:
      return name.empty() ? "(anonymous namespace)" : name;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
      return name.empty() ? "{unnamed}" : name;  // lambdas too: they have no name in DWARF
    case DW_TAG_subprogram:
      return name.empty() ? std::nullopt : std::optional(name);
    default:
      return {};
  }
}

}  // namespace

class DwarfFunctions::Impl {
 public:
  explicit Impl(DwarfScopes& scopes) : scopes_(scopes) {}

  std::vector<DwarfEntry> find_scopes(const DwarfEntry& unit, Dwarf_Addr pc);
  const std::string& name(const DwarfEntry& entry);

 private:
  std::optional<DwarfEntry> find_function(const DwarfEntry& unit, Dwarf_Addr pc);
  std::string qualify(const DwarfEntry& declaration, std::string_view name);

  DwarfScopes& scopes_;
  std::size_t budget_ = kMostSearched;
  std::unordered_map<const void*, UnitIndex> units_;    // by the unit entry's bytes
  std::unordered_map<const void*, std::string> names_;  // by the declaration's bytes
};

std::optional<DwarfEntry> DwarfFunctions::Impl::find_function(const DwarfEntry& unit,
                                                              Dwarf_Addr pc) {
  const auto [found, is_new] = units_.try_emplace(unit.bytes());
  UnitIndex& index = found->second;
  if (is_new) index.functions = Gatherer(false).gather(unit);
  while (true) {
    const auto after = std::ranges::upper_bound(index.functions, pc, {}, &Range::start);
    if (after != index.functions.begin() && pc < std::prev(after)->end) {
      return std::prev(after)->entry;
    }
    if (index.deep) return {};
    index.deep = true;
    index.functions = Gatherer(true).gather(unit);
  }
}

std::vector<DwarfEntry> DwarfFunctions::Impl::find_scopes(const DwarfEntry& unit, Dwarf_Addr pc) {
  std::vector<DwarfEntry> scopes;
  for (auto scope = find_function(unit, pc); scope && scopes.size() < kMostScopes;
       scope = find_inner(*scope, pc, budget_)) {
    scopes.push_back(*scope);
  }
  return scopes;
}

std::string DwarfFunctions::Impl::qualify(const DwarfEntry& declaration, std::string_view name) {
  std::string qualified(name);
  for (const DwarfEntry& outer : scopes_.find(declaration)) {
    const auto scope = scope_name(outer);
    if (scope) qualified.insert(0, std::string(*scope) + "::");
  }
  return qualified;
}

const std::string& DwarfFunctions::Impl::name(const DwarfEntry& entry) {
  const DwarfEntry declaration = entry.declaration();
  const auto [found, is_new] = names_.try_emplace(declaration.bytes());
  std::string& name = found->second;
  if (!is_new) return name;
  std::string_view linkage = entry.text(DW_AT_linkage_name);
  if (linkage.empty()) linkage = entry.text(DW_AT_MIPS_linkage_name);
  if (!linkage.empty()) {
    name = demangle(linkage);
  } else {
    const std::string_view bare = entry.name();
    const bool no_scopes = bare.empty() || has_no_scopes(entry.unit_entry());
    name = no_scopes ? std::string(bare) : qualify(declaration, bare);
  }
  return name;
}

DwarfFunctions::DwarfFunctions(DwarfScopes& scopes) : impl_(std::make_unique<Impl>(scopes)) {}

DwarfFunctions::~DwarfFunctions() = default;

std::vector<DwarfEntry> DwarfFunctions::find_scopes(const DwarfEntry& unit, std::uint64_t pc) {
  return impl_->find_scopes(unit, pc);
}

std::optional<FunctionScopes> DwarfFunctions::find(const DwarfEntry& unit, std::uint64_t pc) {
  const auto entries = impl_->find_scopes(unit, pc);
  if (entries.empty()) return {};
  FunctionScopes scopes{.function = entries.front(), .inlined = {}};
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->tag() != DW_TAG_inlined_subroutine) continue;
    scopes.inlined.push_back({impl_->name(*entry), entry->file(DW_AT_call_file),
                              static_cast<int>(entry->number(DW_AT_call_line).value_or(0))});
  }
  return scopes;
}

std::string DwarfFunctions::name(const DwarfEntry& function) { return impl_->name(function); }

}  // namespace pstuck
