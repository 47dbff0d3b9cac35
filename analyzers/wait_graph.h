#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Who waits for whom, and who of them can never go on. A lock on its way, held by nobody of the
/// target, or of which not all holders are known, makes no edge: who waits for it may go on.
class WaitGraph {
 public:
  explicit WaitGraph(const Diagnosis& diagnosis);

  [[nodiscard]] std::size_t threads() const { return resource_of_.size(); }
  /// The threads that must act before this one can go on, all of them or any, as
  /// Resource::needs says; empty for one that does not wait.
  [[nodiscard]] std::span<const ThreadIndex> waits_for(ThreadIndex thread) const;
  /// No order in which the threads could go on lets this one go on.
  [[nodiscard]] bool is_stuck(ThreadIndex thread) const { return !can_go_on_[thread]; }
  /// The one that must act first, of those who must act before the resource can be had: one that
  /// is stuck where there is one; none where nobody is known.
  [[nodiscard]] std::optional<ThreadIndex> find_blocker(ResourceIndex resource) const;

 private:
  class Reduction;

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  [[nodiscard]] std::span<const ThreadIndex> must_act(ResourceIndex resource) const {
    return std::span(must_act_).subspan(first_[resource], first_[resource + 1] - first_[resource]);
  }

  std::vector<ResourceIndex> resource_of_;  // by thread; kNone for one that does not wait
  std::vector<std::size_t> first_ = {0};    // by resource, into must_act_; one more at the end
  std::vector<ThreadIndex> must_act_;
  std::vector<bool> can_go_on_;         // by thread
  std::vector<ThreadIndex> let_go_by_;  // by resource: who gave it free in the end, or kNone
};

}  // namespace pstuck
