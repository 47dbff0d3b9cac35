// From an address inside a global variable to the member that a programmer would name.
//
//     g_cache +0xb8        class Cache { std::array<Shard, 4> shards; … }      struct Shard { int
//     n; std::mutex mu; }
//
// The symbol table knows the variable, DWARF its type. The walk goes down from the type: into the
// member or base class that covers the offset, into the element of an array, through typedefs,
// until a type that is known to be a lock begins exactly there: g_cache.shards[2].mu. Where members
// overlap (unions) each is tried. A walk that meets no lock type proves nothing and gives no name.
//
// Variables are found by their address among the declarations at the top of each unit and in its
// namespaces; static variables of functions only when that fails, since it means walking them all.

#include "symbolize/member_paths.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pstuck {
namespace {

// Bounds for hostile or broken debug information.
constexpr std::size_t kMostDeclarations = 4'000'000;
constexpr int kDeepestNesting = 64;
constexpr int kMostSteps = 4096;

constexpr std::array<std::string_view, 8> kStdLocks = {
    "mutex",        "recursive_mutex",    "timed_mutex", "recursive_timed_mutex",
    "shared_mutex", "shared_timed_mutex", "once_flag",   "condition_variable"};
constexpr std::array<std::string_view, 9> kLockTypedefs = {"pthread_mutex_t",
                                                           "pthread_rwlock_t",
                                                           "pthread_cond_t",
                                                           "pthread_spinlock_t",
                                                           "pthread_once_t",
                                                           "pthread_barrier_t",
                                                           "sem_t",
                                                           "mtx_t",
                                                           "cnd_t"};

std::string_view name_of(Dwarf_Die& die) {
  const char* name = dwarf_diename(&die);
  return name ? std::string_view(name) : std::string_view();
}

std::optional<Dwarf_Die> type_of(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (!dwarf_attr_integrate(&die, DW_AT_type, &attribute)) return {};
  if (!dwarf_formref_die(&attribute, &type)) return {};
  return type;
}

std::optional<std::uint64_t> number_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (!dwarf_attr_integrate(&die, name, &attribute)) return {};
  if (dwarf_formudata(&attribute, &value) != 0) return {};
  return value;
}

std::optional<Dwarf_Addr> address_of_variable(Dwarf_Die& die) {
  Dwarf_Attribute location;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (!dwarf_attr(&die, DW_AT_location, &location)) return {};
  if (dwarf_getlocation(&location, &operations, &count) != 0 || count != 1) return {};
  if (operations[0].atom == DW_OP_addr) return operations[0].number;
  Dwarf_Attribute indexed;
  Dwarf_Addr address = 0;
  const bool by_index =
      operations[0].atom == DW_OP_addrx || operations[0].atom == DW_OP_GNU_addr_index;
  if (!by_index || dwarf_getlocation_attr(&location, &operations[0], &indexed) != 0) return {};
  if (dwarf_formaddr(&indexed, &address) != 0) return {};
  return address;
}

bool is_lock(Dwarf_Die& type) {
  const std::string_view name = name_of(type);
  const int tag = dwarf_tag(&type);
  if (tag == DW_TAG_typedef) {
    return std::ranges::find(kLockTypedefs, name) != kLockTypedefs.end();
  }
  if (tag != DW_TAG_class_type && tag != DW_TAG_structure_type) return false;
  if (std::ranges::find(kStdLocks, name) == kStdLocks.end()) return false;
  Dwarf_Die* scopes = nullptr;
  const int depth = dwarf_getscopes_die(&type, &scopes);
  bool in_std = false;
  for (int i = 1; i < depth; ++i) {
    in_std = in_std || (dwarf_tag(&scopes[i]) == DW_TAG_namespace && name_of(scopes[i]) == "std");
  }
  std::free(scopes);
  return in_std;
}

/// One walk from a variable's type down to a lock.
class Walk {
 public:
  std::optional<std::string> find(Dwarf_Die type, std::uint64_t offset, int depth = 0) {
    if (depth > kDeepestNesting || ++steps_ > kMostSteps) return {};
    if (offset == 0 && is_lock(type)) return "";
    switch (dwarf_tag(&type)) {
      case DW_TAG_typedef:
      case DW_TAG_const_type:
      case DW_TAG_volatile_type:
      case DW_TAG_atomic_type: {
        const auto next = type_of(type);
        return next ? find(*next, offset, depth + 1) : std::nullopt;
      }
      case DW_TAG_array_type:
        return find_element(type, offset, depth);
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        return find_member(type, offset, depth);
      default:
        return {};
    }
  }

 private:
  std::optional<std::string> find_element(Dwarf_Die& array, std::uint64_t offset, int depth);
  std::optional<std::string> find_member(Dwarf_Die& type, std::uint64_t offset, int depth);

  int steps_ = 0;
};

std::optional<std::uint64_t> extent_of(Dwarf_Die& dimension) {
  if (const auto count = number_of(dimension, DW_AT_count)) return count;
  const auto upper = number_of(dimension, DW_AT_upper_bound);
  return upper ? std::optional(*upper + 1) : std::nullopt;
}

std::optional<std::string> Walk::find_element(Dwarf_Die& array, std::uint64_t offset, int depth) {
  auto element = type_of(array);
  Dwarf_Word size = 0;
  if (!element || dwarf_aggregate_size(&*element, &size) != 0 || size == 0) return {};
  std::vector<std::uint64_t> extents;
  Dwarf_Die dimension;
  for (int more = dwarf_child(&array, &dimension); more == 0 && extents.size() < 8;
       more = dwarf_siblingof(&dimension, &dimension)) {
    if (dwarf_tag(&dimension) != DW_TAG_subrange_type) continue;
    extents.push_back(extent_of(dimension).value_or(0));
  }
  const auto below = find(*element, offset % size, depth + 1);
  if (!below || extents.empty()) return {};
  std::uint64_t index = offset / size;
  std::string indexes;
  for (std::size_t i = extents.size(); i-- > 1;) {
    if (extents[i] == 0) return {};
    indexes = fmt::format("[{}]", index % extents[i]) + indexes;
    index /= extents[i];
  }
  return fmt::format("[{}]", index) + indexes + *below;
}

std::optional<std::string> Walk::find_member(Dwarf_Die& type, std::uint64_t offset, int depth) {
  Dwarf_Die member;
  for (int more = dwarf_child(&type, &member); more == 0;
       more = dwarf_siblingof(&member, &member)) {
    const int tag = dwarf_tag(&member);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    if (dwarf_hasattr(&member, DW_AT_external) || ++steps_ > kMostSteps) continue;
    const std::uint64_t at = number_of(member, DW_AT_data_member_location).value_or(0);
    auto member_type = type_of(member);
    Dwarf_Word size = 0;
    if (!member_type || offset < at) continue;
    if (dwarf_aggregate_size(&*member_type, &size) != 0 || offset - at >= size) continue;
    const auto below = find(*member_type, offset - at, depth + 1);
    if (!below) continue;
    const std::string_view name = name_of(member);
    // std::array's own member is no name that a programmer has written.
    const bool unnamed = tag == DW_TAG_inheritance || name.empty() || name == "_M_elems";
    return unnamed ? below : "." + std::string(name) + *below;
  }
  return {};
}

}  // namespace

class MemberPaths::Impl {
 public:
  explicit Impl(LoadedModules& loaded) : modules(loaded) {}

  using Variables = std::unordered_map<Dwarf_Addr, Dwarf_Die>;  // by address in the target

  /// The variables of one module, walked in two steps.
  struct Index {
    Variables variables;
    bool top_walked = false;
    bool functions_walked = false;
  };

  std::optional<Dwarf_Die> find_variable(std::size_t module, Address at);
  void walk(std::size_t module, bool functions, Variables& variables);
  void add_children(Dwarf_Die& parent, Dwarf_Addr bias, int depth, bool functions,
                    Variables& variables);

  LoadedModules& modules;
  std::unordered_map<std::size_t, Index> indexes;
  std::size_t declarations = 0;
};

void MemberPaths::Impl::add_children(Dwarf_Die& parent, Dwarf_Addr bias, int depth, bool functions,
                                     Variables& variables) {
  Dwarf_Die die;
  for (int more = dwarf_child(&parent, &die); more == 0; more = dwarf_siblingof(&die, &die)) {
    if (++declarations > kMostDeclarations) return;
    const int tag = dwarf_tag(&die);
    const bool function = tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
    if ((tag == DW_TAG_namespace || (functions && function)) && depth < kDeepestNesting) {
      add_children(die, bias, depth + 1, functions, variables);
    }
    if (tag != DW_TAG_variable) continue;
    if (const auto address = address_of_variable(die)) variables.emplace(*address + bias, die);
  }
}

void MemberPaths::Impl::walk(std::size_t module, bool functions, Variables& variables) {
  Dwfl_Module* handle = modules.open(module);
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = nullptr;
  while (handle && (unit = dwfl_module_nextcu(handle, unit, &bias)) != nullptr) {
    add_children(*unit, bias, 0, functions, variables);
  }
}

std::optional<Dwarf_Die> MemberPaths::Impl::find_variable(std::size_t module, Address at) {
  Index& index = indexes[module];
  if (!std::exchange(index.top_walked, true)) walk(module, false, index.variables);
  auto found = index.variables.find(at.value);
  if (found == index.variables.end() && !std::exchange(index.functions_walked, true)) {
    walk(module, true, index.variables);
    found = index.variables.find(at.value);
  }
  return found == index.variables.end() ? std::nullopt : std::optional(found->second);
}

MemberPaths::MemberPaths(LoadedModules& modules) : impl_(std::make_unique<Impl>(modules)) {}
MemberPaths::~MemberPaths() = default;

std::optional<std::string> MemberPaths::find(std::size_t module, Address variable,
                                             std::uint64_t offset) {
  auto die = impl_->find_variable(module, variable);
  const auto type = die ? type_of(*die) : std::nullopt;
  return type ? Walk().find(*type, offset) : std::nullopt;
}

}  // namespace pstuck
