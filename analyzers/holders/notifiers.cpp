// Who may notify a condition variable, change an atomic, or make a future's result: threads whose
// code has such a call ahead or is in one, and threads with a variable that leads to it. Any other
// thread may do it too, as soon as it gets hold of the object: so these are never all.

#include "analyzers/holders/holds.h"

namespace pstuck {

PartnerFinds find_notifiers(const PartnerQuestion& question) {
  const bool is_future = question.resource().kind == ResourceKind::kFuture;
  PartnerFinds finds{.partners = {}, .complete = false, .needs = Needs::kAny};
  const auto add = [&](ThreadIndex thread, std::size_t frame) {
    if (!is_frame(question, thread, frame) || waits_for_it(question, thread)) return;
    finds.partners.push_back({.thread = thread,
                              .part = is_future ? Part::kMakesResult : Part::kMayNotify,
                              .frame = program_frame(question, thread, frame)});
  };
  // Who says so by code comes first: of a thread's frames the first one is its witness.
  const Address object = question.resource().address;
  for (const ObjectUse& use : question.clues.uses_of(object)) {
    if (use.kind == ObjectUse::Kind::kNotifies) add(use.thread, use.frame);
  }
  for (const VariableHit* hit : question.clues.variables_of(object)) add(hit->thread, hit->frame);
  return finds;
}

}  // namespace pstuck
