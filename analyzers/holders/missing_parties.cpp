// Who has not come yet to a barrier or a latch that threads wait at.
//
//     expected 3, arrived 2     101  in pthread_barrier_wait(b)
//                               102  in pthread_barrier_wait(b)
//                               103  #2 phase    work(); pthread_barrier_wait(b)      on its way
//
// A thread is on its way when the code of one of its frames has a call ahead that arrives there.
// A latch's functions are inlined, and what is left of them is the call that wakes those who wait.
// When as many are found as are missing, it is them; a thread that would arrive twice makes the
// numbers differ. Where the code shows nobody, threads are told that have a pointer to it in a
// frame; from them nothing is concluded.

#include <set>

#include "analyzers/holders/holds.h"

namespace pstuck {
namespace {

PartnerFinds find_pointers_to_it(const PartnerQuestion& question) {
  PartnerFinds finds;
  for (const VariableHit* hit : question.clues.variables_of(question.resource().address)) {
    const bool leads = hit->relation == VariableHit::Relation::kLeadsTo;
    if (!leads || !is_frame(question, hit->thread, hit->frame)) continue;
    if (waits_for_it(question, hit->thread)) continue;
    finds.partners.push_back({.thread = hit->thread,
                              .part = Part::kIsToArrive,
                              .frame = program_frame(question, hit->thread, hit->frame)});
  }
  return finds;
}

}  // namespace

PartnerFinds find_missing_parties(const PartnerQuestion& question) {
  const auto& parties = question.resource().parties;
  if (!parties || parties->missing == 0) return {};
  PartnerFinds finds;
  const bool is_latch = question.resource().kind == ResourceKind::kLatch;
  std::set<ThreadIndex> on_their_way;
  for (const ObjectUse& use : question.clues.uses_of(question.resource().address)) {
    const bool arrives = use.kind == ObjectUse::Kind::kArrives ||
                         (is_latch && use.kind == ObjectUse::Kind::kNotifies);
    if (!arrives || !is_frame(question, use.thread, use.frame)) continue;
    if (waits_for_it(question, use.thread) || !on_their_way.insert(use.thread).second) continue;
    finds.partners.push_back({.thread = use.thread,
                              .part = Part::kIsToArrive,
                              .frame = program_frame(question, use.thread, use.frame)});
  }
  if (finds.partners.empty()) return find_pointers_to_it(question);
  finds.complete = on_their_way.size() == parties->missing;
  return finds;
}

}  // namespace pstuck
