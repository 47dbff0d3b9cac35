#pragma once

/// What several processes have to do with each other: waits that only another process can end, and
/// the deadlocks among them. Plain data; indexes point into the list of processes it was made of.

#include <compare>
#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

using ProcessIndex = std::size_t;

/// A thread of one of several processes.
struct ThreadRef {
  ProcessIndex process = 0;
  ThreadIndex thread = 0;

  friend constexpr auto operator<=>(const ThreadRef&, const ThreadRef&) = default;
};

/// A wait that ends only when some process acts, or one thread of another process.
struct CrossWait {
  ThreadRef waiter;
  Needs needs = Needs::kAny;       ///< how many of these must act
  std::vector<Tid> processes;      ///< ascending, looked at or not; empty where `owner` is set
  std::optional<ThreadRef> owner;  ///< of a lock that processes share
  bool can_only_end_so = true;     ///< else no deadlock follows: others may act, or time passes
};

/// A deadlock over processes, or through the kernel inside one.
struct CrossCycle {
  std::vector<ThreadRef>
      members;  ///< along the ring from the lowest one; ascending where it is none
  /// For each member one that it waits for; where it is a ring the only one.
  std::vector<ThreadRef> waits_for;
  bool ring = true;
  /// Recorded, or inferred where a signal may wake a member up.
  Evidence evidence = Evidence::kRecorded;
  std::vector<ThreadRef> stuck_behind;  ///< ascending; members are not in here
  /// Processes of which no thread can act: the cycle rests on all their threads, ascending.
  std::vector<ProcessIndex> whole;
  std::optional<std::chrono::nanoseconds> since;           ///< lower bound
  std::optional<std::chrono::nanoseconds> ends_by_itself;  ///< a timed wait in it ends after this
  Confirmation confirmation;
};

/// Where chains of waits over several processes end: what must move first.
struct CrossRoot {
  ProcessIndex process = 0;
  std::optional<ThreadIndex> thread;  ///< none: any of the process's threads may act
  std::size_t hops = 0;               ///< from process to process, on the longest chain
  std::vector<ThreadRef> path;     ///< that chain: the furthest waiter first, and the end's thread
  std::vector<ThreadRef> victims;  ///< all who come to this end, ascending
  Confirmation confirmation;       ///< of the waiters

  /// The path but for the end's thread.
  [[nodiscard]] std::span<const ThreadRef> waiters() const {
    return std::span(path).first(path.size() - (thread ? 1 : 0));
  }
};

struct Across {
  std::vector<CrossWait> waits;    ///< ascending by waiter
  std::vector<CrossCycle> cycles;  ///< most threads concerned first
  std::vector<CrossRoot> roots;    ///< most victims first
  std::size_t moved = 0;           ///< cycles dropped since the second look saw them move
};

}  // namespace pstuck
