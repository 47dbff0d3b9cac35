// Types, and the locks in them.
//
//     Server                class Server : Base { Cache cache_; std::array<Shard, 4> shards_; … }
//     ├── Base    +0        class Base { std::mutex mu_; }
//     ├── cache_  +0x28     class Cache { int hits; std::mutex mu_; }
//     └── shards_ +0x58     struct Shard { int n; std::mutex mu; }
//
// From an offset in an object the walk goes down: into the member or base class that covers the
// offset, into the element of an array, through typedefs, until a type that is known to be a lock
// begins exactly there: ".shards_[2].mu". Where members overlap (unions) each is tried. A walk that
// meets no lock type proves nothing and gives no path. Members that only the standard library's
// authors know (_M_elems, __value_) are left out of paths.
//
// On its way back the walk learns whose member the lock is. The innermost class with a name has it;
// but what stands in an array belongs to the class that has the array, or every element would go by
// the same name.
//
// A class can be declared only where it is used: clang describes it in one unit, the one that has
// its constructor. Then its definition is looked up by name; where definitions differ there is
// none.

#include "symbolize/dwarf_types.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_classes.h"
#include "symbolize/lock_types.h"

namespace pstuck {
namespace {

// Bounds for hostile or broken debug information.
constexpr int kDeepestNesting = 64;
constexpr int kMostSteps = 4096;
constexpr std::size_t kMostDimensions = 8;

/// The type that this one only adds a name or a qualifier to.
bool is_wrapper(int tag) {
  switch (tag) {
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
    case DW_TAG_template_alias:
      return true;
    default:
      return false;
  }
}

std::optional<std::uint64_t> extent_of(const DwarfEntry& dimension) {
  if (const auto count = dimension.number(DW_AT_count)) return count;
  const auto upper = dimension.number(DW_AT_upper_bound);
  return upper ? std::optional(*upper + 1) : std::nullopt;
}

std::vector<std::uint64_t> extents_of(const DwarfEntry& array) {
  std::vector<std::uint64_t> extents;
  for (auto child = array.first_child(); child && extents.size() < kMostDimensions;
       child = child->next_sibling()) {
    if (child->tag() == DW_TAG_subrange_type) extents.push_back(extent_of(*child).value_or(0));
  }
  return extents;
}

/// "[1][2]" for an element's number; empty where inner dimensions are not known.
std::string spell_index(std::uint64_t index, std::span<const std::uint64_t> extents) {
  std::string inner;
  for (std::size_t i = extents.size(); i-- > 1;) {
    if (extents[i] == 0) return {};
    inner = fmt::format("[{}]", index % extents[i]) + inner;
    index /= extents[i];
  }
  return extents.empty() ? std::string() : fmt::format("[{}]", index) + inner;
}

}  // namespace

class DwarfTypes::Impl {
 public:
  Impl(LoadedModules& modules, DwarfScopes& known) : scopes(known), classes(modules, known) {}

  std::string name(const std::optional<DwarfEntry>& type, int depth);
  std::optional<DwarfEntry> define(std::size_t module, const DwarfEntry& declared);
  std::optional<DwarfEntry> bare(std::size_t module, DwarfEntry type);
  bool is_lock(const DwarfEntry& type);
  bool holds_locks(std::size_t module, const DwarfEntry& type, int depth);

  /// A path while the walk comes back up.
  struct Found {
    MemberPath path;
    bool in_array = false;  ///< of the class that comes next
  };
  std::optional<Found> find(std::size_t module, const DwarfEntry& type, std::uint64_t offset,
                            int depth);
  std::optional<Found> find_in_array(std::size_t module, const DwarfEntry& array,
                                     std::uint64_t offset, int depth);
  std::optional<Found> find_in_class(std::size_t module, const DwarfEntry& type,
                                     std::uint64_t offset, int depth);
  void note_class(const DwarfEntry& type, Found& found);

  DwarfScopes& scopes;
  DwarfClasses classes;
  int steps = 0;
  std::unordered_map<const void*, bool> locks;
  std::unordered_map<const void*, bool> holding;
  std::unordered_map<const void*, std::optional<DwarfEntry>> definitions;
};

std::string DwarfTypes::Impl::name(const std::optional<DwarfEntry>& type, int depth) {
  if (!type) return "void";
  if (depth > kDeepestNesting) return {};
  switch (type->tag()) {
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
      return name(type->type(), depth + 1);
    case DW_TAG_pointer_type:
      return name(type->type(), depth + 1) + "*";
    case DW_TAG_reference_type:
      return name(type->type(), depth + 1) + "&";
    case DW_TAG_rvalue_reference_type:
      return name(type->type(), depth + 1) + "&&";
    case DW_TAG_array_type: {
      std::string text = name(type->type(), depth + 1);
      for (const std::uint64_t extent : extents_of(*type)) {
        text += extent == 0 ? "[]" : fmt::format("[{}]", extent);
      }
      return text;
    }
    case DW_TAG_base_type:
      return std::string(type->name());
    default:
      return scopes.qualified_name(*type);
  }
}

std::optional<DwarfEntry> DwarfTypes::Impl::define(std::size_t module, const DwarfEntry& declared) {
  const auto [entry, is_new] = definitions.try_emplace(declared.bytes());
  if (!is_new) return entry->second;
  const auto found = classes.find(module, scopes.qualified_name(declared));
  const bool all_alike = std::ranges::all_of(found, [&](const DwarfEntry& definition) {
    return definition.byte_size() == found.front().byte_size();
  });
  if (!found.empty() && all_alike) definitions[declared.bytes()] = found.front();
  return definitions[declared.bytes()];
}

std::optional<DwarfEntry> DwarfTypes::Impl::bare(std::size_t module, DwarfEntry type) {
  for (int i = 0; i < kDeepestNesting; ++i) {
    const int tag = type.tag();
    if (is_class(tag)) {
      if (const auto elsewhere = type.reference(DW_AT_signature)) return elsewhere;
      return type.is_declaration() ? define(module, type) : type;
    }
    if (!is_wrapper(tag) || is_lock(type)) return type;
    const auto next = type.type();
    if (!next) return {};
    type = *next;
  }
  return {};
}

bool DwarfTypes::Impl::is_lock(const DwarfEntry& type) {
  const int tag = type.tag();
  if (tag != DW_TAG_typedef && !is_class(tag)) return false;
  const auto [entry, is_new] = locks.try_emplace(type.bytes(), false);
  if (!is_new) return entry->second;
  const std::string_view name = type.name();
  const bool known = tag == DW_TAG_typedef
                         ? is_lock_typedef(name)
                         : may_be_lock_class(name) && is_lock_class(name, scopes.library(type));
  return locks[type.bytes()] = known;
}

bool DwarfTypes::Impl::holds_locks(std::size_t module, const DwarfEntry& type, int depth) {
  const auto plain = depth > kDeepestNesting ? std::nullopt : bare(module, type);
  if (!plain) return false;
  if (is_lock(*plain)) return true;
  if (plain->tag() == DW_TAG_array_type) {
    const auto element = plain->type();
    return element && holds_locks(module, *element, depth + 1);
  }
  if (!is_class(plain->tag())) return false;
  const auto [entry, is_new] = holding.try_emplace(plain->bytes(), false);
  if (!is_new) return entry->second;
  int budget = kMostSteps;
  for (auto member = plain->first_child(); member && budget-- > 0;
       member = member->next_sibling()) {
    const int tag = member->tag();
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    const auto member_type = member->member_offset() ? member->type() : std::nullopt;
    if (!member_type || !holds_locks(module, *member_type, depth + 1)) continue;
    return holding[plain->bytes()] = true;
  }
  return false;
}

std::optional<DwarfTypes::Impl::Found> DwarfTypes::Impl::find(std::size_t module,
                                                              const DwarfEntry& type,
                                                              std::uint64_t offset, int depth) {
  if (depth > kDeepestNesting || ++steps > kMostSteps) return {};
  const auto plain = bare(module, type);
  if (!plain) return {};
  const bool lock = is_lock(*plain);
  if (lock && offset == 0) return Found{.path = {.lock_type = public_lock_name(name(plain, 0))}};
  if (plain->tag() == DW_TAG_array_type) return find_in_array(module, *plain, offset, depth);
  if (!is_class(plain->tag()) || !holds_locks(module, *plain, 0)) return {};
  auto found = find_in_class(module, *plain, offset, depth);
  // What a lock is made of is its own affair.
  if (found && lock) return Found{.path = {.lock_type = public_lock_name(name(plain, 0))}};
  return found;
}

std::optional<DwarfTypes::Impl::Found> DwarfTypes::Impl::find_in_array(std::size_t module,
                                                                       const DwarfEntry& array,
                                                                       std::uint64_t offset,
                                                                       int depth) {
  const auto element = array.type();
  const auto size = element ? element->byte_size() : std::nullopt;
  if (!size || *size == 0) return {};
  const std::uint64_t index = offset / *size;
  const std::string spelled = spell_index(index, extents_of(array));
  if (spelled.empty()) return {};
  auto found = find(module, *element, offset % *size, depth + 1);
  if (!found) return {};
  found->path.path.insert(0, spelled);
  found->path.object_offset += index * *size;
  found->in_array = true;
  return found;
}

void DwarfTypes::Impl::note_class(const DwarfEntry& type, Found& found) {
  const bool wanted = found.path.class_member.empty() || found.in_array;
  if (!wanted || type.name().empty() || !found.path.path.starts_with('.')) return;
  if (is_standard_library(scopes.library(type))) return;
  found.path.class_member = scopes.qualified_name(type) + "::" + found.path.path.substr(1);
  found.path.object_offset = 0;
  found.in_array = false;
}

std::optional<DwarfTypes::Impl::Found> DwarfTypes::Impl::find_in_class(std::size_t module,
                                                                       const DwarfEntry& type,
                                                                       std::uint64_t offset,
                                                                       int depth) {
  for (auto member = type.first_child(); member; member = member->next_sibling()) {
    if (++steps > kMostSteps) return {};
    const int tag = member->tag();
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    const auto at = member->member_offset();
    const auto member_type = at ? member->type() : std::nullopt;
    if (!member_type || offset < *at) continue;
    const auto plain = bare(module, *member_type);
    const auto size = plain ? plain->byte_size() : std::nullopt;
    if (!size || offset - *at >= *size) continue;
    auto found = find(module, *plain, offset - *at, depth + 1);
    if (!found) continue;
    const std::string_view member_name = member->name();
    const bool unnamed =
        tag == DW_TAG_inheritance || member_name.empty() || is_reserved(member_name);
    if (!unnamed) found->path.path.insert(0, "." + std::string(member_name));
    found->path.object_offset += *at;
    note_class(type, *found);
    return found;
  }
  return {};
}

DwarfTypes::DwarfTypes(LoadedModules& modules, DwarfScopes& scopes)
    : impl_(std::make_unique<Impl>(modules, scopes)) {}

DwarfTypes::~DwarfTypes() = default;

std::string DwarfTypes::name(const std::optional<DwarfEntry>& type) { return impl_->name(type, 0); }

std::optional<DwarfEntry> DwarfTypes::bare(std::size_t module, const DwarfEntry& type) {
  return impl_->bare(module, type);
}

bool DwarfTypes::is_lock(const DwarfEntry& type) { return impl_->is_lock(type); }

bool DwarfTypes::holds_locks(std::size_t module, const DwarfEntry& type) {
  return impl_->holds_locks(module, type, 0);
}

std::optional<MemberPath> DwarfTypes::find_lock(std::size_t module, const DwarfEntry& type,
                                                std::uint64_t offset) {
  impl_->steps = 0;
  auto found = impl_->find(module, type, offset, 0);
  return found ? std::optional(std::move(found->path)) : std::nullopt;
}

std::optional<MemberPath> DwarfTypes::find_class_member(std::size_t module,
                                                        std::string_view class_name,
                                                        std::uint64_t offset) {
  std::optional<MemberPath> agreed;
  for (const DwarfEntry& definition : impl_->classes.find(module, class_name)) {
    const auto path = find_lock(module, definition, offset);
    if (!path || (agreed && agreed->path != path->path)) return {};
    agreed = path;
  }
  return agreed;
}

std::vector<DwarfEntry> DwarfTypes::find_classes(std::size_t module, std::string_view name) {
  const auto found = impl_->classes.find(module, name);
  return found.empty() ? impl_->classes.find_by_typedef(module, name) : found;
}

DwarfScopes& DwarfTypes::scopes() { return impl_->scopes; }

}  // namespace pstuck
