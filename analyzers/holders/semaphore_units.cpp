// Who has the units of a semaphore, where it is used as a lock or as a pool of something: a
// semaphore may as well count jobs that are never given back.
//
//     101  waits in sem_wait(slots), whose value is 0
//     102  #2 Pool::with_slot    sem_wait(slots); work(); sem_post(slots)     has a unit
//     103  #1 consume            sem_wait(jobs); work()                       has none of it
//     104  #1 produce            sem_post(slots) ahead, never waited          may let 101 go on
//
// A thread has a unit when a frame's code took it on every path to here and gives it back on every
// path from here. If any thread may post without having taken, if it is not sure that one took, or
// if a thread's stack could not be seen, then those that were found need not be all.

#include <algorithm>
#include <set>

#include "analyzers/holders/holds.h"
#include "analyzers/thread_status.h"

namespace pstuck {
namespace {

bool some_stack_is_missing(const PartnerSearch& search) {
  for (ThreadIndex i = 0; i < search.snapshot.threads.size(); ++i) {
    const bool is_seen = i < search.stacks.stacks.size() && !search.stacks.stacks[i].frames.empty();
    if (!is_seen && !has_ended(search.snapshot.threads[i])) return true;
  }
  return false;
}

}  // namespace

PartnerFinds find_semaphore_units(const PartnerQuestion& question) {
  PartnerFinds finds{.partners = {}, .complete = false, .needs = Needs::kAny};
  const Resource& semaphore = question.resource();
  std::set<ThreadIndex> takers;
  std::set<ThreadIndex> doubtful;
  for (const ObjectUse& use : question.clues.uses_of(semaphore.address)) {
    if (!is_frame(question, use.thread, use.frame)) continue;
    const bool took = use.kind == ObjectUse::Kind::kTook;
    if (took && use.on_every_path && use.returns_it) {
      takers.insert(use.thread);
      finds.partners.push_back({.thread = use.thread,
                                .part = Part::kTookUnit,
                                .frame = program_frame(question, use.thread, use.frame)});
    } else if (took || use.kind == ObjectUse::Kind::kWillGive ||
               use.kind == ObjectUse::Kind::kNotifies) {
      doubtful.insert(use.thread);
    }
  }
  const bool some_may_post = std::ranges::any_of(doubtful, [&](ThreadIndex thread) {
    return !takers.contains(thread) && !waits_for_it(question, thread);
  });
  finds.complete = semaphore.value == 0 && !some_may_post && !finds.partners.empty() &&
                   !some_stack_is_missing(question.search);
  return finds;
}

}  // namespace pstuck
