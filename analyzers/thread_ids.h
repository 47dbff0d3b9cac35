#pragma once

#include <optional>
#include <unordered_map>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Finds threads by the ids that stand in locks: those of the target's own PID namespace.
class ThreadIds {
 public:
  explicit ThreadIds(const Snapshot& snapshot) {
    for (ThreadIndex i = 0; i < snapshot.threads.size(); ++i) {
      const std::int32_t id = snapshot.threads[i].tid_in_target.value;
      if (id > 0) by_id_.try_emplace(id, i);
    }
  }

  [[nodiscard]] std::optional<ThreadIndex> find(Tid in_target) const {
    const auto found = by_id_.find(in_target.value);
    if (found == by_id_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::unordered_map<std::int32_t, ThreadIndex> by_id_;
};

}  // namespace pstuck
