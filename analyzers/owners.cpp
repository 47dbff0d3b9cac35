#include "analyzers/owners.h"

#include <algorithm>

#include "analyzers/thread_status.h"
#include "attach/mappings.h"

// A lock records its owner as a bare number, in the PID namespace of the target, and nothing keeps
// that number true. In this order:
//
//     a thread of the target has it, and lives       the holder
//     … but began after all who wait fell asleep     recycled: had this thread taken the lock, the
//                                                    release before that would have woken one
//     … or it is a zombie                            exited
//     a task of the parent, in memory of our own     copied by fork() while it was locked
//     a task of another process                      that process shares the lock
//     nobody                                         exited, with the lock held
//
// Whether other processes can share the lock is asked of its mapping; where that is not known, as
// in a core, of the lock. A new thread that began after the capture is neither: the lock was on
// its way.

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

bool is_shared(const Snapshot& snapshot, const Resource& resource) {
  const Mapping* mapping = find_mapping(snapshot, resource.address);
  if (mapping != nullptr && mapping->shared) return true;
  if (mapping != nullptr && snapshot.kind == TargetKind::kLive) return false;
  return resource.process_shared || (resource.mutex && resource.mutex->process_shared);
}

Holder to_outsider(const Snapshot& snapshot, const Resource& resource, Tid id,
                   const TaskElsewhere& task) {
  if (task.process == snapshot.process.pid) {
    return {.fate = OwnerFate::kInTransition, .recorded_id = id};
  }
  const bool copied = task.in_parent && !is_shared(snapshot, resource);
  return {.evidence = Evidence::kRecorded,
          .fate = copied ? OwnerFate::kForkInherited : OwnerFate::kOtherProcess,
          .recorded_id = id,
          .elsewhere = task};
}

Holder to_nobody(const Snapshot& snapshot, const Resource& resource, Tid id) {
  if (is_shared(snapshot, resource)) {
    if (snapshot.kind == TargetKind::kCore) {
      return {.fate = OwnerFate::kOtherProcess, .recorded_id = id};
    }
    if (snapshot.process.other_pid_namespace) {
      return {.fate = OwnerFate::kOtherNamespace, .recorded_id = id};
    }
  }
  return {.evidence = Evidence::kRecorded, .fate = OwnerFate::kExited, .recorded_id = id};
}

// The clocks behind both times differ a little: measured below 1 % and below half a second.
bool began_after(nanoseconds age, nanoseconds asleep_for) {
  constexpr nanoseconds kClockError = std::chrono::milliseconds(500);
  return asleep_for > kClockError && age < asleep_for - kClockError - asleep_for / 100;
}

class HolderFinder {
 public:
  HolderFinder(const Snapshot& snapshot, const ThreadIds& ids, TaskFinder& tasks)
      : snapshot_(snapshot), ids_(ids), tasks_(tasks) {}

  [[nodiscard]] Holder find(const Resource& resource, const RecordedOwner& owner,
                            std::optional<nanoseconds> all_asleep_for) const {
    if (owner.fate != OwnerFate::kThread || !owner.id) {
      return {.fate = owner.fate, .recorded_id = owner.id};
    }
    if (const auto thread = ids_.find(*owner.id)) {
      return to_thread(*thread, *owner.id, all_asleep_for);
    }
    if (const auto task = tasks_.find_task(*owner.id)) {
      return to_outsider(snapshot_, resource, *owner.id, *task);
    }
    return to_nobody(snapshot_, resource, *owner.id);
  }

 private:
  [[nodiscard]] Holder to_thread(ThreadIndex index, Tid id,
                                 std::optional<nanoseconds> all_asleep_for) const {
    const ThreadSnapshot& thread = snapshot_.threads[index];
    Holder holder{.evidence = Evidence::kRecorded, .recorded_id = id};
    if (has_ended(thread)) {
      holder.fate = OwnerFate::kExited;
      return holder;
    }
    const bool recycled = thread.age && all_asleep_for && began_after(*thread.age, *all_asleep_for);
    holder.fate = recycled ? OwnerFate::kRecycled : OwnerFate::kThread;
    holder.thread = index;
    return holder;
  }

  const Snapshot& snapshot_;
  const ThreadIds& ids_;
  TaskFinder& tasks_;
};

// For each resource the shortest sleep of those who wait for it; none where one is not known.
std::vector<std::optional<nanoseconds>> find_shortest_waits(std::span<const Wait> waits,
                                                            std::size_t resources) {
  std::vector<std::optional<nanoseconds>> shortest(resources, nanoseconds::max());
  for (const Wait& wait : waits) {
    auto& known = shortest[wait.resource];
    if (known) known = wait.waited ? std::optional(std::min(*known, *wait.waited)) : std::nullopt;
  }
  return shortest;
}

}  // namespace

void find_holders(const Snapshot& snapshot, const ThreadIds& ids, TaskFinder& tasks,
                  std::span<const Wait> waits, std::span<const RecordedOwner> owners,
                  std::span<Resource> resources) {
  const auto shortest = find_shortest_waits(waits, resources.size());
  const HolderFinder finder(snapshot, ids, tasks);
  for (ResourceIndex i = 0; i < resources.size(); ++i) {
    resources[i].holder = finder.find(resources[i], owners[i], shortest[i]);
  }
}

}  // namespace pstuck
