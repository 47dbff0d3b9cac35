#pragma once

/// One process at two times: what changed in between. Plain data.

#include <optional>
#include <vector>

#include "analyzers/diagnosis.h"
#include "symbolize/stacks.h"

namespace pstuck {

struct ThreadChange {
  enum class Kind {
    kStayed,   ///< it is where it was, and did not run in between
    kRanHere,  ///< it is where it was, but ran in between, or may have
    kMoved,
    kStarted,
    kEnded,
  };

  Tid tid;
  Kind kind = Kind::kMoved;
  std::optional<ThreadIndex> before;  ///< none for kStarted
  std::optional<ThreadIndex> after;   ///< none for kEnded
};

/// A lock that somebody held or waited for at one of the times, or at both.
struct LockChange {
  ResourceKind kind = ResourceKind::kMutex;
  Address address;
  std::optional<ResourceIndex> before;  ///< none: nobody had to do with it then
  std::optional<ResourceIndex> after;
  std::optional<Tid> owner_before;  ///< none: nobody is known to have had it
  std::optional<Tid> owner_after;
};

struct Changes {
  std::optional<std::chrono::nanoseconds> between;  ///< none where a core has no clock
  std::vector<ThreadChange> threads;                ///< ascending by tid
  std::vector<LockChange> locks;                    ///< ascending by kind, then address
};

/// One process at one time.
struct MomentView {
  const Snapshot& snapshot;
  const Stacks& stacks;
  const Diagnosis& diagnosis;
};

/// Whether both are of one process: its id, its program, and when it was started.
bool is_same_process(const Snapshot& before, const Snapshot& after);

Changes find_changes(const MomentView& before, const MomentView& after);

}  // namespace pstuck
