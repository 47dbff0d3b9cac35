#pragma once

#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Who waits for whom. A lock on its way, or held by nobody of the target, makes no edge.
class WaitGraph {
 public:
  explicit WaitGraph(const Diagnosis& diagnosis);

  [[nodiscard]] std::size_t threads() const { return first_edge_.size() - 1; }
  /// The threads that must act before this one can go on; empty for one that does not wait.
  [[nodiscard]] std::span<const ThreadIndex> waits_for(ThreadIndex thread) const {
    return std::span(holders_).subspan(first_edge_[thread],
                                       first_edge_[thread + 1] - first_edge_[thread]);
  }

 private:
  std::vector<std::size_t> first_edge_ = {0};  // by thread; one more at the end
  std::vector<ThreadIndex> holders_;
};

/// The thread that a wait's resource is held by, as far as it is known to hold it now.
std::optional<ThreadIndex> find_holder(const Diagnosis& diagnosis, const Wait& wait);

}  // namespace pstuck
