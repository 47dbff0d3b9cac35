// Who has a lock that does not say so: the rules that tell the frame of a recorded owner
// (acquisitions.cpp), put the other way round.
//
//     101  #2 Table::find     std::shared_lock lock(mu_)       guard, and the code has taken it:
//     yes 102  #1 Table::refresh  std::shared_lock lock(mu_)       the code has given it back: no
//     103  #3 Table::scan     call pthread_rwlock_rdlock       taken on every path to here: yes
//     104  #2 Table::peek     call pthread_rwlock_tryrdlock    on some path: not by itself
//     105  #3 Table::pop      taken on every path, but it waits for a condition variable: no
//
// There, a lock was known to have an owner, and any sign of it in his frames was welcome. Here a
// sign makes somebody an owner. So what only some paths took counts only with a guard in scope, and
// a guard that can be empty only with the code's word.

#include "analyzers/holders/holds.h"

#include <algorithm>

#include "analyzers/guard_types.h"

namespace pstuck {
namespace {

using Kind = ObjectUse::Kind;

class HoldSearch {
 public:
  explicit HoldSearch(const PartnerQuestion& question)
      : question_(question),
        uses_(question.clues.uses_of(question.resource().address)),
        variables_(question.clues.variables_of(question.resource().address)) {}

  std::vector<Hold> find() {
    for (const VariableHit* hit : variables_) look_at(*hit);
    for (const ObjectUse& use : uses_) {
      if (use.kind != Kind::kTook || !use.on_every_path) continue;
      add(use.thread, use.frame, use.shared);
    }
    std::ranges::stable_sort(holds_, [](const Hold& a, const Hold& b) {
      return std::pair(a.thread, a.frame) < std::pair(b.thread, b.frame);
    });
    const auto same_thread = [](const Hold& a, const Hold& b) { return a.thread == b.thread; };
    holds_.erase(std::unique(holds_.begin(), holds_.end(), same_thread), holds_.end());
    return std::move(holds_);
  }

 private:
  void add(ThreadIndex thread, std::size_t frame, bool shared) {
    if (!is_frame(question_, thread, frame) || waits_for_condition(thread)) return;
    holds_.push_back({thread, program_frame(question_, thread, frame), shared});
  }

  /// Such a thread has given a lock back and will take it again. Which one its frames do not tell.
  [[nodiscard]] bool waits_for_condition(ThreadIndex thread) const {
    const Diagnosis& diagnosis = question_.search.diagnosis;
    const auto& wait = diagnosis.threads[thread].wait;
    if (!wait) return false;
    const WaitKind kind = diagnosis.waits[*wait].kind;
    return kind == WaitKind::kNotification || kind == WaitKind::kRelockAfterCondition;
  }

  /// The guard that waits for the lock does not have it.
  [[nodiscard]] bool is_waiting(const VariableHit& hit) const {
    if (!waits_for_it(question_, hit.thread)) return false;
    const auto& diagnosis = question_.search.diagnosis;
    return hit.frame <= diagnosis.waits[*diagnosis.threads[hit.thread].wait].frame.value_or(0);
  }

  [[nodiscard]] std::span<const ObjectUse> uses_of(ThreadIndex thread) const {
    const auto first = std::ranges::lower_bound(uses_, thread, {}, &ObjectUse::thread);
    return {first, std::ranges::upper_bound(uses_, thread, {}, &ObjectUse::thread)};
  }

  void look_at(const VariableHit& hit) {
    const bool is_guard = hit.relation == VariableHit::Relation::kGuards;
    if (!is_guard || !is_frame(question_, hit.thread, hit.frame) || is_waiting(hit)) return;
    const Stack& stack = question_.search.stacks.stacks[hit.thread];
    bool was_given_back = false;
    bool was_taken = false;
    for (const ObjectUse& use : uses_of(hit.thread)) {
      if (use.frame >= stack.frames.size()) continue;
      if (!is_same_function(stack.frames[use.frame], stack.frames[hit.frame])) continue;
      was_taken = was_taken || use.kind == Kind::kTook;
      was_given_back = was_given_back || use.kind == Kind::kGaveBack;
    }
    const bool counts = was_taken || (!was_given_back && !can_be_empty(hit.variable_type));
    if (counts) add(hit.thread, hit.frame, is_reader_guard(hit.variable_type));
  }

  const PartnerQuestion& question_;
  std::span<const ObjectUse> uses_;
  std::span<const VariableHit* const> variables_;
  std::vector<Hold> holds_;
};

}  // namespace

std::vector<Hold> find_holds(const PartnerQuestion& question) {
  return HoldSearch(question).find();
}

bool waits_for_it(const PartnerQuestion& question, ThreadIndex thread) {
  const Diagnosis& diagnosis = question.search.diagnosis;
  if (thread >= diagnosis.threads.size()) return false;
  const auto& wait = diagnosis.threads[thread].wait;
  return wait && diagnosis.waits[*wait].resource == question.index;
}

std::size_t program_frame(const PartnerQuestion& question, ThreadIndex thread, std::size_t frame) {
  const auto& frames = question.search.stacks.stacks[thread].frames;
  std::size_t outer = frame;
  while (outer < frames.size() &&
         question.search.frames.owner(frames[outer]) != FrameOwner::kProgram) {
    ++outer;
  }
  return outer < frames.size() ? outer : frame;
}

bool is_frame(const PartnerQuestion& question, ThreadIndex thread, std::size_t frame) {
  const auto& stacks = question.search.stacks.stacks;
  return thread < stacks.size() && thread < question.search.diagnosis.threads.size() &&
         frame < stacks[thread].frames.size();
}

}  // namespace pstuck
