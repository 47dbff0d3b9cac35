// A semaphore does not record who took its unit, but whether a process got it by fork() can be
// told: its parent then has the same semaphore at the same address, in memory of its own.
//
//     parent   … │ 0x31 │ value 1 │ private │ …      taken by a thread at the fork, free by now
//     child    … │ 0x31 │ value 0 │ private │ …      taken for ever
//
// That it is the same one, and not what the child has allocated since, shows the word before it,
// which for a block of malloc is the block's size, and that what stands there can be a semaphore.

#include "analyzers/inherited_semaphores.h"

#include <algorithm>
#include <array>

#include "attach/mappings.h"

namespace pstuck {
namespace {

/// glibc 2.36: sysdeps/nptl/internaltypes.h, struct new_sem, and the word before it.
struct SemaphoreInBlock {
  std::uint64_t before;
  std::uint32_t value;
  std::uint32_t waiters;
  std::uint32_t shared;
  std::uint32_t unused;
};

bool is_private(const Snapshot& snapshot, const Resource& resource) {
  const Mapping* mapping = find_mapping(snapshot, resource.address);
  return !resource.process_shared && mapping != nullptr && !mapping->shared;
}

}  // namespace

void compare_with_parent(const Snapshot& snapshot, const Sources& sources,
                         std::span<Resource> resources) {
  if (!snapshot.process.forked_from) return;
  constexpr std::uint64_t kBefore = sizeof(SemaphoreInBlock::before);
  for (Resource& resource : resources) {
    if (resource.kind != ResourceKind::kSemaphore || !is_private(snapshot, resource)) continue;
    const Address at{resource.address.value - kBefore};
    const auto own = sources.memory.read_object<SemaphoreInBlock>(at);
    SemaphoreInBlock parents{};
    if (!own || !sources.tasks.read_in_parent(at, std::as_writable_bytes(std::span(&parents, 1)))) {
      continue;
    }
    constexpr std::uint32_t kMostWaiters = 1 << 16;
    // Three bits of malloc's size are flags, and one tells of the block before: it changes with
    // that.
    constexpr std::uint64_t kFlagsEnd = 8;
    const bool is_same = (parents.before ^ own->before) < kFlagsEnd &&
                         parents.shared == own->shared && parents.value <= 1 &&
                         parents.waiters < kMostWaiters;
    if (is_same) resource.value_in_parent = parents.value;
  }
}

}  // namespace pstuck
