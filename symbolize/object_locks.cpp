#include "symbolize/object_locks.h"

#include <fmt/format.h>

#include <algorithm>

namespace pstuck {
namespace {

// Of a vector whose elements only point on.
constexpr std::uint64_t kMostElements = 64;
// Bigger objects' pointers are read one by one.
constexpr std::uint64_t kBiggestCopy = 4096;
// Bounds what a process with many objects can cost.
constexpr std::size_t kMostObjects = 50'000;

constexpr int kMostRepetitions = 4;

constexpr std::uint64_t kWordSize = 8;
constexpr Address kFirstPage{4096};

/// What a pointer or reference to the object leads to.
LockInReach through_pointer(LockInReach found, bool is_reference) {
  if (is_reference) return found;
  if (found.path.empty()) {
    found.is_pointed_to = true;
  } else if (found.path.starts_with('.')) {
    found.path.replace(0, 1, "->");
  } else {
    found.path.insert(0, "[0]");
  }
  return found;
}

}  // namespace

bool ObjectLocks::has_lock_in(Address start, std::uint64_t size) const {
  const auto first = std::ranges::lower_bound(locks_, start);
  return first != locks_.end() && *first - start < size;
}

std::vector<LockInReach> ObjectLocks::look_inside(std::size_t module, const DwarfEntry& type,
                                                  Address object, std::uint64_t size) {
  std::vector<LockInReach> found;
  for (auto lock = std::ranges::lower_bound(locks_, object);
       lock != locks_.end() && *lock - object < size; ++lock) {
    const auto member = types_.find_lock(module, type, *lock - object);
    if (!member) continue;
    found.push_back({.lock = *lock,
                     .path = member->path,
                     .is_inside = true,
                     .member = *member,
                     .object = object + member->object_offset});
  }
  return found;
}

const std::vector<LockInReach>& ObjectLocks::find_shared(std::size_t module, const DwarfEntry& type,
                                                         Address object) {
  static const std::vector<LockInReach> kNone;
  auto entry = known_.find({type.bytes(), object});
  if (entry == known_.end()) {
    if (known_.size() >= kMostObjects) return kNone;
    entry = known_.try_emplace({type.bytes(), object}).first;
    entry->second.locks = find(module, type, object);
  }
  Known& known = entry->second;
  if (++known.times_told == kMostRepetitions) {
    std::erase_if(known.locks, [](const LockInReach& lock) { return !lock.is_inside; });
  }
  return known.locks;
}

std::vector<LockInReach> ObjectLocks::find(std::size_t module, const DwarfEntry& type,
                                           Address object) {
  if (object < kFirstPage) return {};
  const std::uint64_t size = type.byte_size().value_or(0);
  std::vector<LockInReach> found = look_inside(module, type, object, size);
  if (!pointers_.find(module, type).empty()) {
    std::vector<std::byte> copy(std::min(size, kBiggestCopy));
    const bool is_copied = size <= kBiggestCopy && memory_.read(object, copy) == size;
    const auto read_word = [&](std::uint64_t offset) -> std::optional<std::uint64_t> {
      if (!is_copied) return memory_.read_object<std::uint64_t>(object + offset);
      if (offset > size || size - offset < kWordSize) return {};
      std::uint64_t word = 0;
      std::memcpy(&word, copy.data() + offset, sizeof(word));
      return word;
    };
    std::ranges::move(follow_pointers(module, type, read_word), std::back_inserter(found));
  }
  return found;
}

std::vector<LockInReach> ObjectLocks::follow_pointers(std::size_t module, const DwarfEntry& type,
                                                      const ReadWord& read_word) {
  std::vector<LockInReach> found;
  for (const PointerInObject& pointer : pointers_.find(module, type)) {
    const auto to = read_word(pointer.offset);
    if (!to || Address{*to} < kFirstPage) continue;
    const std::size_t before = found.size();
    if (pointer.is_vector) {
      const auto end = read_word(pointer.offset + kWordSize);
      if (end) follow_vector(module, pointer, {*to}, {*end}, found);
    } else if (has_lock_in({*to}, pointer.pointee_size)) {
      for (LockInReach& reached :
           look_inside(module, pointer.pointee, {*to}, pointer.pointee_size)) {
        reached.is_guarded = pointer.is_guard;
        found.push_back(through_pointer(std::move(reached), pointer.is_reference));
      }
    }
    for (auto reached = found.begin() + static_cast<std::ptrdiff_t>(before); reached != found.end();
         ++reached) {
      reached->path.insert(0, pointer.path);
      reached->is_inside = false;
    }
  }
  return found;
}

void ObjectLocks::follow_vector(std::size_t module, const PointerInObject& vector, Address begin,
                                Address end, std::vector<LockInReach>& found) {
  const std::uint64_t size = vector.pointee_size;
  if (end <= begin || (end - begin) % size != 0) return;
  const auto add = [&](std::uint64_t index, LockInReach reached) {
    reached.path.insert(0, fmt::format("[{}]", index));
    found.push_back(std::move(reached));
  };
  for (auto lock = std::ranges::lower_bound(locks_, begin); lock != locks_.end() && *lock < end;
       ++lock) {
    const std::uint64_t index = (*lock - begin) / size;
    const Address element = begin + index * size;
    for (LockInReach& reached : look_inside(module, vector.pointee, element, size)) {
      if (reached.lock == *lock) add(index, std::move(reached));
    }
  }
  const std::vector<PointerInObject>& pointers = pointers_.find(module, vector.pointee);
  if (pointers.empty() || pointers.front().is_vector) return;
  const std::uint64_t count = std::min((end - begin) / size, kMostElements);
  std::vector<std::byte> copy(std::min(count * size, kBiggestCopy));
  if (memory_.read(begin, copy) != copy.size()) return;
  for (std::uint64_t i = 0; i < copy.size() / size; ++i) {
    const auto read_word = [&](std::uint64_t offset) -> std::optional<std::uint64_t> {
      if (offset > size || size - offset < kWordSize) return {};
      std::uint64_t word = 0;
      std::memcpy(&word, copy.data() + i * size + offset, sizeof(word));
      return word;
    };
    for (LockInReach& reached : follow_pointers(module, vector.pointee, read_word)) {
      add(i, std::move(reached));
    }
  }
}

}  // namespace pstuck
