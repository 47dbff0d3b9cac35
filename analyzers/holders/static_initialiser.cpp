// Who initialises what only one thread may: a function-local static variable, whose guard libstdc++
// leaves without a name, or what a once-flag guards.
//
//     Registry& registry() {                    101  #3 registry   __cxa_guard_acquire(g) gave
//     true,
//       static Registry r = load();                  #2 load       and no release yet: initialises
//       return r;                               102  #1 registry   in __cxa_guard_acquire(g): waits
//     }
//
// The guard is a lock to the code: acquired when the call returns true, given back by
// __cxa_guard_release or __cxa_guard_abort. When the thread that waits is found to initialise it in
// an outer frame, it waits for itself.
//
// A once-flag is passed to a call that does not come back before it is done. Who waits for the flag
// is in the same call; who runs the function has frames of the program's again inside it.

#include <map>

#include "analyzers/holders/holds.h"

namespace pstuck {
namespace {

/// There is code inside the call that libc's or the C++ runtime's frames lead to.
bool runs_code_inside(const PartnerQuestion& question, ThreadIndex thread, std::size_t frame) {
  const auto& frames = question.search.stacks.stacks[thread].frames;
  bool is_inside_libc = false;
  for (std::size_t i = frame; i > 0; --i) {
    const FrameOwner owner = question.search.frames.owner(frames[i - 1]);
    if (owner == FrameOwner::kLibc) is_inside_libc = true;
    if (owner == FrameOwner::kProgram && is_inside_libc) return true;
  }
  return false;
}

}  // namespace

PartnerFinds find_initialisers(const PartnerQuestion& question) {
  PartnerFinds finds;
  bool is_sure = true;
  for (const ObjectUse& use : question.clues.uses_of(question.resource().address)) {
    const bool took = use.kind == ObjectUse::Kind::kTook;
    if (!took || !is_frame(question, use.thread, use.frame)) continue;
    is_sure = is_sure && use.on_every_path;
    if (!finds.partners.empty() && finds.partners.back().thread == use.thread) continue;
    finds.partners.push_back({.thread = use.thread,
                              .part = Part::kInitialises,
                              .frame = program_frame(question, use.thread, use.frame)});
  }
  finds.complete = is_sure && finds.partners.size() == 1;
  return finds;
}

PartnerFinds find_once_runners(const PartnerQuestion& question) {
  std::map<ThreadIndex, std::size_t> runners;  // the outermost frame in the call
  for (const ObjectUse& use : question.clues.uses_of(question.resource().address)) {
    const bool is_in_call = use.kind == ObjectUse::Kind::kRunsOnce;
    if (!is_in_call || !is_frame(question, use.thread, use.frame)) continue;
    if (runs_code_inside(question, use.thread, use.frame)) runners[use.thread] = use.frame;
  }
  PartnerFinds finds;
  for (const auto& [thread, frame] : runners) {
    finds.partners.push_back({.thread = thread,
                              .part = Part::kInitialises,
                              .frame = program_frame(question, thread, frame)});
  }
  finds.complete = finds.partners.size() == 1;
  return finds;
}

}  // namespace pstuck
