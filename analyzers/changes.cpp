#include "analyzers/changes.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

// Both times a process's age is counted in ticks of the kernel's clock, and read at once with the
// clock but for the time that pstuck itself is off its processor.
constexpr nanoseconds kSameStart = std::chrono::seconds(2);

// Of a thread that did not run since, pstuck's own stop is the last that it ran: in the capture, or
// in the samples that follow at once.
constexpr nanoseconds kSamplesTake = std::chrono::milliseconds(300);

// Where the kernel does not tell when a thread last ran: pstuck's own stop of it and what follows.
constexpr std::uint64_t kSwitchesOfALook = 4;

std::optional<nanoseconds> start_of(const Snapshot& snapshot) {
  if (!snapshot.realtime || !snapshot.process.age) return {};
  return *snapshot.realtime - *snapshot.process.age;
}

bool is_same_place(const MomentView& before, ThreadIndex a, const MomentView& after,
                   ThreadIndex b) {
  if (before.snapshot.threads[a].syscall != after.snapshot.threads[b].syscall) return false;
  const auto place = [](const Frame& frame) { return std::tuple(frame.pc.address(), frame.sp); };
  return std::ranges::equal(before.stacks.stacks[a].frames, after.stacks.stacks[b].frames, {},
                            place, place);
}

bool has_run(const ThreadSnapshot& before, const ThreadSnapshot& after,
             const std::optional<nanoseconds>& between, nanoseconds look_took) {
  if (after.syscall.state != SyscallState::kInSyscall) return true;
  if (after.not_run_for && between) {
    return *after.not_run_for + look_took + kSamplesTake < *between;
  }
  if (!before.switches || !after.switches) return true;
  const std::uint64_t switches = after.switches->voluntary - before.switches->voluntary +
                                 after.switches->involuntary - before.switches->involuntary;
  return switches > kSwitchesOfALook;
}

std::vector<ThreadChange> find_thread_changes(const MomentView& before, const MomentView& after,
                                              const std::optional<nanoseconds>& between) {
  std::map<Tid, ThreadChange> changes;
  for (ThreadIndex i = 0; i < before.snapshot.threads.size(); ++i) {
    const Tid tid = before.snapshot.threads[i].tid;
    changes[tid] = {.tid = tid, .kind = ThreadChange::Kind::kEnded, .before = i};
  }
  for (ThreadIndex i = 0; i < after.snapshot.threads.size(); ++i) {
    const ThreadSnapshot& thread = after.snapshot.threads[i];
    ThreadChange& change = changes[thread.tid];
    change.tid = thread.tid;
    change.after = i;
    if (!change.before) {
      change.kind = ThreadChange::Kind::kStarted;
    } else if (!is_same_place(before, *change.before, after, i)) {
      change.kind = ThreadChange::Kind::kMoved;
    } else {
      const bool ran = has_run(before.snapshot.threads[*change.before], thread, between,
                               before.snapshot.capture_took);
      change.kind = ran ? ThreadChange::Kind::kRanHere : ThreadChange::Kind::kStayed;
    }
  }
  std::vector<ThreadChange> list;
  for (const auto& [tid, change] : changes) list.push_back(change);
  return list;
}

std::optional<Tid> owner_of(const Resource& resource, const Snapshot& snapshot) {
  if (!resource.holder.thread) return {};
  return snapshot.threads.at(*resource.holder.thread).tid;
}

std::vector<LockChange> find_lock_changes(const MomentView& before, const MomentView& after) {
  std::map<std::pair<ResourceKind, Address>, LockChange> changes;
  const auto change_of = [&](const Resource& resource) -> LockChange& {
    LockChange& change = changes[{resource.kind, resource.address}];
    change.kind = resource.kind;
    change.address = resource.address;
    return change;
  };
  for (ResourceIndex i = 0; i < before.diagnosis.resources.size(); ++i) {
    LockChange& change = change_of(before.diagnosis.resources[i]);
    change.before = i;
    change.owner_before = owner_of(before.diagnosis.resources[i], before.snapshot);
  }
  for (ResourceIndex i = 0; i < after.diagnosis.resources.size(); ++i) {
    LockChange& change = change_of(after.diagnosis.resources[i]);
    change.after = i;
    change.owner_after = owner_of(after.diagnosis.resources[i], after.snapshot);
  }
  std::vector<LockChange> list;
  for (const auto& [key, change] : changes) list.push_back(change);
  return list;
}

}  // namespace

bool is_same_process(const Snapshot& before, const Snapshot& after) {
  if (before.process.pid != after.process.pid) return false;
  const auto first = start_of(before);
  const auto second = start_of(after);
  const bool one_start = !first || !second || std::chrono::abs(*first - *second) < kSameStart;
  return one_start && before.process.executable == after.process.executable;
}

Changes find_changes(const MomentView& before, const MomentView& after) {
  Changes changes;
  if (before.snapshot.realtime && after.snapshot.realtime) {
    changes.between = *after.snapshot.realtime - *before.snapshot.realtime;
  }
  changes.threads = find_thread_changes(before, after, changes.between);
  changes.locks = find_lock_changes(before, after);
  return changes;
}

}  // namespace pstuck
