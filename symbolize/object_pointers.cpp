// What an object points to, and which objects are guards.
//
//     std::lock_guard<std::mutex>   { std::mutex& _M_device; }              guard  ""
//     std::scoped_lock<A, B>        { std::tuple<A&, B&> _M_devices; }      guard  "", ""
//     Server                        { std::unique_ptr<Cache> cache_; Router* router_; }
//                                                                           ".cache_", ".router_"
//
// A guard holds its lock from its construction to its destruction, so that a guard in a frame is
// evidence that this frame took the lock. The well-known ones have names. A class of the program's
// own is taken for one when somebody wrote a destructor for it, it is small, and nothing is in it
// but pointers, numbers and other guards: a worker that also refers to a mutex has more to it. Only
// its pointers to a lock, or to a class that is little more than one, guard that.

#include "symbolize/object_pointers.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "symbolize/lock_types.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostPointers = 64;
constexpr int kMostMembers = 4096;
constexpr int kDeepest = 24;
constexpr std::uint64_t kMostElements = 8;

constexpr std::uint64_t kBiggestGuard = 32;
// A pthread_rwlock_t has 56 bytes; a class around one may know its owner and its name.
constexpr std::uint64_t kBiggestLock = 80;  // of the program's own classes

constexpr std::uint64_t kVectorSize = 24;  // begin, end, end of storage: libstdc++ and libc++

bool is_number(int tag) { return tag == DW_TAG_base_type || tag == DW_TAG_enumeration_type; }

bool is_written_destructor(const DwarfEntry& child) {
  return child.tag() == DW_TAG_subprogram && child.name().starts_with('~') &&
         !child.has(DW_AT_artificial);
}

std::optional<DwarfEntry> find_first_argument(const DwarfEntry& type) {
  int budget = kMostMembers;
  for (auto child = type.first_child(); child && budget > 0; child = child->next_sibling()) {
    --budget;
    if (child->tag() == DW_TAG_template_type_parameter) return child->type();
  }
  return {};
}

}  // namespace

const std::vector<PointerInObject>& ObjectPointers::find(std::size_t module,
                                                         const DwarfEntry& type) {
  return inspect(module, type, 0).pointers;
}

const ObjectPointers::Shape& ObjectPointers::inspect(std::size_t module, const DwarfEntry& type,
                                                     int depth) {
  static const Shape kUnknown{.pointers = {}, .is_plain = false};
  if (depth > kDeepest) return kUnknown;
  const auto [entry, is_new] = shapes_.try_emplace(type.bytes(), kUnknown);
  if (!is_new) return entry->second;
  Shape shape;
  if (is_pointer(type.tag())) {
    shape.pointers = find_pointee(module, type);
  } else if (is_class(type.tag())) {
    shape = inspect_class(module, type, depth);
  } else {
    shape.is_plain = is_number(type.tag());
  }
  return shapes_[type.bytes()] = std::move(shape);
}

ObjectPointers::Shape ObjectPointers::inspect_class(std::size_t module, const DwarfEntry& type,
                                                    int depth) {
  const std::string_view library = types_.scopes().library(type);
  const bool is_standard = is_standard_library(library);
  if (is_standard && type.name().starts_with("vector<")) {
    return {.pointers = find_vector(module, type, depth), .is_plain = false};
  }
  Shape shape;
  bool has_destructor = false;
  int budget = kMostMembers;
  for (auto child = type.first_child(); child && budget > 0; child = child->next_sibling()) {
    --budget;
    const int tag = child->tag();
    has_destructor = has_destructor || is_written_destructor(*child);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    const auto offset = child->member_offset();
    const auto declared = offset ? child->type() : std::nullopt;
    const auto bare = declared ? types_.bare(module, *declared) : std::nullopt;
    if (!bare) continue;
    const std::string_view name = tag == DW_TAG_member ? child->name() : std::string_view();
    const bool unnamed = name.empty() || (is_standard && is_reserved(name));
    add(module, *bare, *offset, unnamed ? std::string() : "." + std::string(name), depth, shape);
  }
  std::ranges::stable_sort(shape.pointers, {}, &PointerInObject::offset);
  shape.is_plain = shape.is_plain && !is_standard;
  const bool is_small = type.byte_size().value_or(kBiggestGuard + 1) <= kBiggestGuard;
  shape.is_guard =
      is_guard_class(type.name(), library) || (shape.is_plain && has_destructor && is_small);
  for (PointerInObject& pointer : shape.pointers) {
    const bool is_to_lock = !pointer.is_vector && (pointer.pointee_size <= kBiggestLock ||
                                                   types_.is_lock(pointer.pointee));
    pointer.is_guard = pointer.is_guard || (shape.is_guard && is_to_lock);
  }
  return shape;
}

void ObjectPointers::add(std::size_t module, const DwarfEntry& type, std::uint64_t offset,
                         const std::string& path, int depth, Shape& shape) {
  if (type.tag() == DW_TAG_array_type) {
    shape.is_plain = false;
    const auto declared = type.type();
    const auto element = declared ? types_.bare(module, *declared) : std::nullopt;
    const std::uint64_t size = element ? element->byte_size().value_or(0) : 0;
    const std::uint64_t whole = type.byte_size().value_or(0);
    // An element of several dimensions would need several indexes.
    const auto dimension = type.first_child();
    if (!dimension || dimension->next_sibling()) return;
    if (size == 0 || depth > kDeepest || find(module, *element).empty()) return;
    for (std::uint64_t i = 0; i < std::min(whole / size, kMostElements); ++i) {
      add(module, *element, offset + i * size, fmt::format("{}[{}]", path, i), depth + 1, shape);
    }
    return;
  }
  const Shape& inner = inspect(module, type, depth + 1);
  shape.is_plain = shape.is_plain && (inner.is_plain || inner.is_guard);
  for (PointerInObject pointer : inner.pointers) {
    if (shape.pointers.size() == kMostPointers) return;
    pointer.offset += offset;
    pointer.path.insert(0, path);
    shape.pointers.push_back(std::move(pointer));
  }
}

std::vector<PointerInObject> ObjectPointers::find_pointee(std::size_t module,
                                                          const DwarfEntry& pointer) {
  const auto declared = pointer.type();
  const auto pointee = declared ? types_.bare(module, *declared) : std::nullopt;
  const std::uint64_t size = pointee ? pointee->byte_size().value_or(0) : 0;
  if (size == 0 || !types_.holds_locks(module, *pointee)) return {};
  return {{.pointee = *pointee,
           .pointee_size = size,
           .is_reference = pointer.tag() != DW_TAG_pointer_type}};
}

std::vector<PointerInObject> ObjectPointers::find_vector(std::size_t module, const DwarfEntry& type,
                                                         int depth) {
  const auto declared = find_first_argument(type);
  const auto element = declared ? types_.bare(module, *declared) : std::nullopt;
  const std::uint64_t size = element ? element->byte_size().value_or(0) : 0;
  if (size == 0 || type.byte_size() != kVectorSize) return {};
  const bool leads = types_.holds_locks(module, *element) ||
                     !inspect(module, *element, depth + 1).pointers.empty();
  if (!leads) return {};
  return {{.pointee = *element, .pointee_size = size, .is_vector = true}};
}

}  // namespace pstuck
