// Variables are found by their address among the declarations at the top of each unit and in its
// namespaces; static variables of functions only when that fails, since it means walking them all.

#include "symbolize/member_paths.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <unordered_map>
#include <utility>

#include "symbolize/dwarf_locations.h"
#include "symbolize/dwarf_units.h"
#include "symbolize/named_members.h"

namespace pstuck {
namespace {

// Bounds for hostile or broken debug information.
constexpr std::size_t kMostDeclarations = 4'000'000;
constexpr int kDeepestNesting = 64;

}  // namespace

class MemberPaths::Impl {
 public:
  Impl(LoadedModules& loaded, DwarfTypes& known) : modules(loaded), types(known) {}

  struct Variables {
    std::unordered_map<std::uint64_t, DwarfEntry> fixed;              ///< by address in the target
    std::unordered_map<std::uint64_t, DwarfEntry> thread_local_ones;  ///< by offset
  };
  using Kind = std::unordered_map<std::uint64_t, DwarfEntry> Variables::*;

  /// The variables of one module, walked in two steps.
  struct Index {
    Variables variables;
    bool top_walked = false;
    bool functions_walked = false;
  };

  std::optional<DwarfEntry> find_variable(std::size_t module, Kind kind, std::uint64_t at);
  std::optional<MemberPath> find(std::size_t module, Kind kind, std::uint64_t variable,
                                 std::uint64_t offset);
  void walk(std::size_t module, bool functions, Variables& variables);
  void add_children(const DwarfEntry& parent, Dwarf_Addr bias, int depth, bool functions,
                    Variables& variables);

  LoadedModules& modules;
  DwarfTypes& types;
  std::unordered_map<std::size_t, Index> indexes;
  std::size_t declarations = 0;  // of the walk that is going on
};

void MemberPaths::Impl::add_children(const DwarfEntry& parent, Dwarf_Addr bias, int depth,
                                     bool functions, Variables& variables) {
  for (auto child = parent.first_child(); child; child = child->next_sibling()) {
    if (++declarations > kMostDeclarations) return;
    const int tag = child->tag();
    const bool function = tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
    if ((tag == DW_TAG_namespace || (functions && function)) && depth < kDeepestNesting) {
      add_children(*child, bias, depth + 1, functions, variables);
    }
    if (tag != DW_TAG_variable) continue;
    if (const auto address = read_fixed_address(*child)) {
      variables.fixed.emplace(*address + bias, *child);
    } else if (const auto offset = read_thread_local_offset(*child)) {
      variables.thread_local_ones.emplace(*offset, *child);
    }
  }
}

void MemberPaths::Impl::walk(std::size_t module, bool functions, Variables& variables) {
  declarations = 0;
  Dwfl_Module* handle = modules.open(module);
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = nullptr;
  while (handle && (unit = dwfl_module_nextcu(handle, unit, &bias)) != nullptr) {
    add_children(find_full_unit({unit->addr, unit->cu}), bias, 0, functions, variables);
  }
}

std::optional<DwarfEntry> MemberPaths::Impl::find_variable(std::size_t module, Kind kind,
                                                           std::uint64_t at) {
  Index& index = indexes[module];
  const auto& known = index.variables.*kind;
  if (!std::exchange(index.top_walked, true)) walk(module, false, index.variables);
  auto found = known.find(at);
  if (found == known.end() && !std::exchange(index.functions_walked, true)) {
    walk(module, true, index.variables);
    found = known.find(at);
  }
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

std::optional<MemberPath> MemberPaths::Impl::find(std::size_t module, Kind kind,
                                                  std::uint64_t variable, std::uint64_t offset) {
  const auto entry = find_variable(module, kind, variable);
  const auto type = entry ? entry->type() : std::nullopt;
  return type ? types.find_lock(module, *type, offset) : std::nullopt;
}

MemberPaths::MemberPaths(LoadedModules& modules, DwarfTypes& types)
    : impl_(std::make_unique<Impl>(modules, types)) {}
MemberPaths::~MemberPaths() = default;

std::optional<MemberPath> MemberPaths::find(std::size_t module, Address variable,
                                            std::uint64_t offset) {
  return impl_->find(module, &Impl::Variables::fixed, variable.value, offset);
}

std::optional<ElementField> MemberPaths::find_element_member(std::size_t module, Address variable,
                                                             std::string_view path) {
  const auto entry = impl_->find_variable(module, &Impl::Variables::fixed, variable.value);
  const auto type = entry ? entry->type() : std::nullopt;
  if (!type) return {};
  return pstuck::find_element_member(impl_->types, module, *type, path);
}

std::optional<MemberPath> MemberPaths::find_thread_local(std::size_t module, std::uint64_t variable,
                                                         std::uint64_t offset) {
  return impl_->find(module, &Impl::Variables::thread_local_ones, variable, offset);
}

}  // namespace pstuck
