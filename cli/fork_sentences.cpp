#include <fmt/format.h>

#include <algorithm>

#include "cli/escape.h"
#include "cli/sentences.h"
#include "cli/words.h"

// What a process has from the one that it was forked from.

namespace pstuck {

std::string Sentences::fork_parent() const {
  const auto& parent = labels_.report().snapshot.process.forked_from;
  if (!parent) return {};
  return ink_.name(fmt::format("{} (pid {})", printable(parent->name, 64), parent->pid.value));
}

std::string Sentences::forked(const Finding& finding) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const std::string parent = fork_parent();
  if (parent.empty()) return {};
  const bool for_a_lock = std::ranges::any_of(finding.stuck_behind, [&](ThreadIndex thread) {
    const auto& wait = diagnosis.threads.at(thread).wait;
    return wait && is_lock(diagnosis.resources.at(diagnosis.waits.at(*wait).resource).kind);
  });
  return fmt::format("; the process was forked from {} and has executed no program since{}", parent,
                     for_a_lock ? ": likely a thread there had the lock at that time"
                                : ", and threads do not come with a fork");
}

std::string Sentences::owner_now(const Holder& holder) {
  if (!holder.elsewhere || holder.elsewhere->state == '?') return {};
  return "; that thread now " + task_words(holder.elsewhere->state, holder.elsewhere->syscall);
}

}  // namespace pstuck
