#pragma once

#include <optional>
#include <string>

#include "cli/report.h"

namespace pstuck {

/// What a hang is, without what differs from one time to the next: the functions and locks of its
/// cycle or of its root blocker, no ids, addresses, lines or numbers of threads.
struct HangSignature {
  std::string id;     ///< 16 hexadecimal digits: equal for equal words
  std::string kind;   ///< as in JSON: "deadlock", "stalled_holder" …; "held_up" without a finding
  std::string words;  ///< "Cache::get wants g_cache.mu_ · Router::forget wants g_router.mu_"
};

/// None for reports in which nobody is held up. Of several hangs it is that of the first: a
/// deadlock over processes, then the findings in their order, then the root blockers, then the
/// chains over processes.
std::optional<HangSignature> find_hang_signature(const Reports& reports);

}  // namespace pstuck
