#pragma once

#include <span>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/thread_ids.h"
#include "analyzers/waits/mutex_layout.h"
#include "analyzers/waits/rwlock_layout.h"
#include "attach/memory.h"

namespace pstuck {

/// A lock whose bytes say that a live thread of the target has it.
struct SeenLock {
  ResourceKind kind = ResourceKind::kMutex;
  Address address;
  ThreadIndex thread = 0;
  Tid owner;  ///< the thread's id as it stands in the lock
  std::optional<MutexTraits> mutex;
  std::uint32_t recursion = 0;
  FoundBy found_by = FoundBy::kMemoryScan;
  bool doubted = false;  ///< its bytes could well be those of something else
  std::string name;      ///< where the place that it was found at has one
  std::string type;
};

/// Up to here an owner's id is a number that data is full of: counts, flags, small enumerations.
/// The first threads of a container have such ids. Bytes alone are then no evidence. Measured on
/// 330 MB of a Python and a JavaScript program, with every number taken for a thread's id: four
/// look-alikes, three of them with ids below.
inline constexpr Tid kLastCommonNumber{256};

/// How many bytes a lock of this kind has; 0 for what is not told by its bytes.
std::size_t lock_size(ResourceKind kind);

/// Tells held locks from all other bytes. A thread that has ended holds nothing.
class HeldLockTest {
 public:
  HeldLockTest(const Snapshot& snapshot, const ThreadIds& ids);

  /// The thread that lives and has this id.
  [[nodiscard]] std::optional<ThreadIndex> find_owner(Tid id) const;

  [[nodiscard]] std::optional<SeenLock> test(Address at, const MutexBytes& bytes) const;
  [[nodiscard]] std::optional<SeenLock> test(Address at, const RwlockBytes& bytes) const;

  /// The lock of this kind at an address; none when it cannot be read or is not held.
  std::optional<SeenLock> read_lock(ResourceKind kind, Address at, Memory& memory) const;

  /// Appends the held mutexes and rwlocks that have their owner's id in these bytes, which stand at
  /// `start`. Where a lock goes over their border, `memory` has the rest.
  void find_in(std::span<const std::byte> bytes, Address start, Memory& memory,
               std::vector<SeenLock>& into) const;

  /// The same for all of a range that can be read.
  void find_in(AddressRange range, Memory& memory, std::vector<SeenLock>& into) const;

 private:
  std::optional<SeenLock> read_stdio_lock(Address at, Memory& memory) const;

  const Snapshot& snapshot_;
  const ThreadIds& ids_;
  std::size_t most_users_;
  std::uint32_t least_id_ = 1;  // of the threads that live
  std::uint32_t last_id_ = 0;
};

}  // namespace pstuck
