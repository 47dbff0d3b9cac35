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
#include <map>
#include <unordered_map>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostEntries = 1 << 22;  // of one unit; the biggest seen have a million
constexpr int kDeepest = 128;
constexpr int kMostInlined = 256;

// Code that the linker dropped keeps entries at address 0, or 1 in lists of ranges.
constexpr Dwarf_Addr kDropped = 1;

struct Range {
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  Dwarf_Off entry = 0;
};

struct UnitIndex {
  std::vector<Range> functions;  // ascending by start
  bool deep = false;
};

/// Gathers the functions of a unit.
class Gatherer {
 public:
  explicit Gatherer(bool deep) : deep_(deep) {}

  std::vector<Range> gather(Dwarf_Die unit) {
    walk(unit, 0);
    std::ranges::stable_sort(ranges_, {}, &Range::start);
    return std::move(ranges_);
  }

 private:
  void walk(Dwarf_Die parent, int depth);
  void add(Dwarf_Die& function);
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

void Gatherer::add(Dwarf_Die& function) {
  Dwarf_Addr base = 0;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  const Dwarf_Off entry = dwarf_dieoffset(&function);
  for (std::ptrdiff_t next = 0; budget_ > 0; --budget_) {
    next = dwarf_ranges(&function, next, &base, &start, &end);
    if (next <= 0) return;
    if (start > kDropped && start < end) ranges_.push_back({start, end, entry});
  }
}

void Gatherer::walk(Dwarf_Die parent, int depth) {
  Dwarf_Die child;
  if (depth > kDeepest || dwarf_child(&parent, &child) != 0) return;
  do {
    if (budget_ == 0) return;
    --budget_;
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram) add(child);
    if (leads_to_functions(tag)) walk(child, depth + 1);
  } while (dwarf_siblingof(&child, &child) == 0);
}

/// The inlined call or block among the entry's children that holds the address.
bool find_inner(Dwarf_Die& parent, Dwarf_Addr pc, std::size_t& budget, Dwarf_Die& inner) {
  if (dwarf_child(&parent, &inner) != 0) return false;
  do {
    if (budget == 0) return false;
    --budget;
    switch (dwarf_tag(&inner)) {
      case DW_TAG_inlined_subroutine:
      case DW_TAG_lexical_block:
      case DW_TAG_try_block:
      case DW_TAG_catch_block:
        if (dwarf_haspc(&inner, pc) > 0) return true;
        break;
      default:
        break;
    }
  } while (dwarf_siblingof(&inner, &inner) == 0);
  return false;
}

std::uint64_t read_number(Dwarf_Die& entry, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (!dwarf_attr(&entry, name, &attribute) || dwarf_formudata(&attribute, &value) != 0) return 0;
  return value;
}

/// Follows references to the function's abstract entry and its declaration too.
std::string_view read_name(Dwarf_Die& entry, unsigned name) {
  Dwarf_Attribute attribute;
  const char* text = dwarf_formstring(dwarf_attr_integrate(&entry, name, &attribute));
  return text ? text : std::string_view();
}

/// The entry that says in which scope a function was declared.
Dwarf_Die find_declaration(Dwarf_Die entry) {
  constexpr int kMostReferences = 8;
  for (int i = 0; i < kMostReferences; ++i) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    Dwarf_Attribute* reference = dwarf_attr(&entry, DW_AT_abstract_origin, &attribute);
    if (!reference) reference = dwarf_attr(&entry, DW_AT_specification, &attribute);
    if (!reference || !dwarf_formref_die(reference, &next)) break;
    entry = next;
  }
  return entry;
}

bool has_no_scopes(Dwarf_Die& unit) {
  switch (dwarf_srclang(&unit)) {
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
std::optional<std::string_view> scope_name(Dwarf_Die& scope) {
  const char* name = dwarf_diename(&scope);
  switch (dwarf_tag(&scope)) {
    case DW_TAG_namespace:
      return name ? name : "(anonymous namespace)";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
      return name ? name : "{unnamed}";  // lambdas too: they have no name in DWARF
    case DW_TAG_subprogram:
      return name ? std::optional(std::string_view(name)) : std::nullopt;
    default:
      return {};
  }
}

std::string qualify(Dwarf_Die& declaration, std::string_view name) {
  std::string qualified(name);
  Dwarf_Die* scopes = nullptr;
  const int count = dwarf_getscopes_die(&declaration, &scopes);
  const std::unique_ptr<Dwarf_Die, decltype(&std::free)> owner(scopes, std::free);
  for (int i = 1; i < count; ++i) {
    const auto scope = scope_name(scopes[i]);
    if (scope) qualified.insert(0, std::string(*scope) + "::");
  }
  return qualified;
}

}  // namespace

class DwarfFunctions::Impl {
 public:
  std::optional<FunctionScopes> find(const DwarfUnit& unit, Dwarf_Addr pc);
  const std::string& function_name(Dwarf_Die& unit, Dwarf_Die& entry);

 private:
  std::optional<Dwarf_Off> find_function(const DwarfUnit& unit, Dwarf_Die& entry, Dwarf_Addr pc);

  std::map<std::pair<Dwarf*, Dwarf_Off>, UnitIndex> units_;
  std::unordered_map<const void*, std::string> names_;  // by the declaration's bytes
};

std::optional<Dwarf_Off> DwarfFunctions::Impl::find_function(const DwarfUnit& unit,
                                                             Dwarf_Die& entry, Dwarf_Addr pc) {
  const auto [found, is_new] = units_.try_emplace({unit.dwarf, unit.offset});
  UnitIndex& index = found->second;
  if (is_new) index.functions = Gatherer(false).gather(entry);
  while (true) {
    const auto after = std::ranges::upper_bound(index.functions, pc, {}, &Range::start);
    if (after != index.functions.begin() && pc < std::prev(after)->end) {
      return std::prev(after)->entry;
    }
    if (index.deep) return {};
    index.deep = true;
    index.functions = Gatherer(true).gather(entry);
  }
}

std::optional<FunctionScopes> DwarfFunctions::Impl::find(const DwarfUnit& unit, Dwarf_Addr pc) {
  Dwarf_Die unit_entry;
  if (!dwarf_offdie(unit.dwarf, unit.offset, &unit_entry)) return {};
  const auto function = find_function(unit, unit_entry, pc);
  Dwarf_Die outer;
  if (!function || !dwarf_offdie(unit.dwarf, *function, &outer)) return {};
  FunctionScopes scopes{.entry = *function};
  std::size_t budget = kMostEntries;
  Dwarf_Die inner;
  for (int i = 0; i < kMostInlined && find_inner(outer, pc, budget, inner); ++i) {
    if (dwarf_tag(&inner) == DW_TAG_inlined_subroutine) {
      scopes.inlined.push_back({function_name(unit_entry, inner),
                                read_number(inner, DW_AT_call_file),
                                static_cast<int>(read_number(inner, DW_AT_call_line))});
    }
    outer = inner;
  }
  std::ranges::reverse(scopes.inlined);
  return scopes;
}

const std::string& DwarfFunctions::Impl::function_name(Dwarf_Die& unit, Dwarf_Die& entry) {
  Dwarf_Die declaration = find_declaration(entry);
  const auto [found, is_new] = names_.try_emplace(declaration.addr);
  std::string& name = found->second;
  if (!is_new) return name;
  std::string_view linkage = read_name(entry, DW_AT_linkage_name);
  if (linkage.empty()) linkage = read_name(entry, DW_AT_MIPS_linkage_name);
  if (!linkage.empty()) {
    name = demangle(linkage);
  } else {
    const std::string_view bare = read_name(entry, DW_AT_name);
    name = bare.empty() || has_no_scopes(unit) ? std::string(bare) : qualify(declaration, bare);
  }
  return name;
}

DwarfFunctions::DwarfFunctions() : impl_(std::make_unique<Impl>()) {}

DwarfFunctions::~DwarfFunctions() = default;

std::optional<FunctionScopes> DwarfFunctions::find(const DwarfUnit& unit, std::uint64_t pc) {
  return impl_->find(unit, pc);
}

std::string DwarfFunctions::name(const DwarfUnit& unit, const FunctionScopes& scopes) {
  Dwarf_Die unit_entry;
  Dwarf_Die entry;
  if (!dwarf_offdie(unit.dwarf, unit.offset, &unit_entry)) return {};
  if (!dwarf_offdie(unit.dwarf, scopes.entry, &entry)) return {};
  return impl_->function_name(unit_entry, entry);
}

}  // namespace pstuck
