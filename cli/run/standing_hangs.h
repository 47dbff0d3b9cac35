#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <utility>
#include <vector>

#include "cli/report.h"

namespace pstuck {

/// How long findings have stood, over many looks at the same processes. A finding is the same one
/// while it is about the same threads, or about the same lock and its holder.
class StandingHangs {
 public:
  using Clock = std::chrono::steady_clock;

  explicit StandingHangs(std::chrono::nanoseconds limit) : limit_(limit) {}

  /// Takes in a look. Whether there is a finding that has stood for the limit and is not told yet.
  bool take(const Reports& reports, Clock::time_point now);

  /// Those of the last look are told now.
  void set_told();

 private:
  struct Key {
    FindingKind kind = FindingKind::kDeadlock;
    std::uint64_t lock = 0;                    ///< its address
    std::vector<std::pair<Tid, Tid>> threads;  ///< of a process

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Standing {
    Clock::time_point since;
    bool told = false;
  };

  static Key key_of(const Report& report, const Finding& finding);
  static Key key_of(const Reports& reports, const CrossCycle& cycle);

  std::chrono::nanoseconds limit_;
  std::map<Key, Standing> standing_;
};

}  // namespace pstuck
