#include "cli/postmortem_prompts.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kShownMembers = 6;

std::string place_of(const Sentences& sentences, ThreadIndex thread,
                     std::optional<std::size_t> frame) {
  const Location* const location = sentences.labels().location(thread, frame);
  if (location == nullptr) return sentences.thread(thread);
  const std::string function = sentences.ink(function_label(*location, 64));
  const std::string place = place_label(*location);
  if (place.empty()) return function;
  return fmt::format("{} at {}", function, sentences.ink(place));
}

/// The members of a cycle: who stands where, wants what, and holds what meanwhile.
struct Member {
  std::string place;
  std::string wanted;
  std::string held;
  std::string meanwhile;
  std::string taken;  ///< "`Router::dispatch` at `router.cpp:86`"; empty when not known
  bool joins = false;
};

std::vector<Member> members_of(const Sentences& sentences, const Cycle& cycle) {
  const auto& waits = sentences.labels().report().diagnosis.waits;
  std::vector<Member> members;
  for (std::size_t i = 0; i < cycle.waits.size() && i < kShownMembers; ++i) {
    const Wait& wait = waits.at(cycle.waits[i]);
    const Wait& before = waits.at(sentences.labels().awaited_by(cycle, i));
    const bool joined = before.kind == WaitKind::kJoin;
    const std::string held = sentences.lock(before.resource);
    const std::string taken = sentences.taken(sentences.labels().held(cycle, i));
    const std::string meanwhile =
        joined ? fmt::format("while {} waits for its end", sentences.thread(before.thread))
               : fmt::format("while its thread has {}", held);
    members.push_back({place_of_wait(sentences, wait), sentences.lock(wait.resource), held,
                       meanwhile, taken, wait.kind == WaitKind::kJoin});
  }
  return members;
}

std::string list_of(const std::vector<Member>& members, std::string Member::*field) {
  std::vector<std::string> items;
  for (const Member& member : members) {
    const std::string& item = member.*field;
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
  }
  return list_words(items);
}

Prompts prompts_for_self_deadlock(const Member& member) {
  Prompts prompts;
  prompts.trigger = {
      fmt::format("Which caller reached {} with {} already held?", member.place, member.wanted)};
  if (!member.taken.empty()) {
    prompts.root_cause_known = {fmt::format("{} is taken in {}, and wanted again in {}.",
                                            member.wanted, member.taken, member.place)};
    prompts.root_cause = {
        fmt::format("Why was the lock in {} thought to be the first one?", member.place)};
  } else {
    prompts.root_cause = {fmt::format(
        "Which frame further out on the same stack took {}, and why was the lock in {} thought to "
        "be the first one?",
        member.wanted, member.place)};
  }
  prompts.patch = {
      fmt::format("Split {} into one function that locks and one that needs {} held; call the "
                  "second from where it is held. A recursive mutex would hide the cause.",
                  member.place, member.wanted)};
  prompts.prevention = {
      fmt::format("State at each function that uses {} whether it takes the lock or needs it held, "
                  "so that the compiler can check it (clang's thread-safety annotations).",
                  member.wanted)};
  prompts.tests = {fmt::format(
      "Call {} along the path above in one thread; the test hangs before the patch and ends after "
      "it.",
      member.place)};
  return prompts;
}

Prompts prompts_for_cycle(const std::vector<Member>& members) {
  const std::string places = list_of(members, &Member::place);
  const std::string locks = list_of(members, &Member::wanted);
  Prompts prompts;
  prompts.trigger = {fmt::format(
      "What made {} run at the same time: a release, a load peak, a rare path?", places)};
  for (const Member& member : members) {
    if (member.taken.empty()) {
      prompts.root_cause.push_back(
          fmt::format("Why does {} want {} {}?", member.place, member.wanted, member.meanwhile));
      continue;
    }
    prompts.root_cause_known.push_back(fmt::format("{} is taken in {}, then {} is wanted in {}.",
                                                   member.held, member.taken, member.wanted,
                                                   member.place));
    prompts.root_cause.push_back(fmt::format("Why is {} still held when {} wants {}?", member.held,
                                             member.place, member.wanted));
  }
  const bool known =
      std::ranges::none_of(members, [](const Member& member) { return member.taken.empty(); });
  prompts.patch = {
      fmt::format("Use {} in one order in {}, or take them at once with `std::scoped_lock`.", locks,
                  known ? list_of(members, &Member::taken) : places),
      fmt::format("Or let go of {} before {}.", members.front().held, members.front().place)};
  prompts.prevention = {
      fmt::format("Choose the order of {}, and write it where they are declared.", locks),
      "Which check keeps that order from now on: review, annotations, a lock-order detector in "
      "CI?"};
  prompts.tests = {
      fmt::format(
          "Reproduce the interleaving: hold one thread back just before {}, {}; let another one "
          "reach {}.",
          members.front().place, members.front().meanwhile, members.back().place),
      "The test hangs before the patch and ends after it; give it a timeout and run "
      "`pstuck --exit-code` on it when it expires."};
  return prompts;
}

/// A lock and a join in one cycle: there is no order to choose, only a join to move.
Prompts prompts_for_join(const std::vector<Member>& members, const Member& joining) {
  Prompts prompts = prompts_for_cycle(members);
  prompts.patch = {fmt::format("Let go of {} before the join in {}.", joining.held, joining.place),
                   fmt::format("Or let the joined thread end without {}.", joining.held)};
  prompts.prevention = {
      fmt::format("No join while a lock is held that the joined thread takes, as {} in {}: how is "
                  "that checked?",
                  joining.held, joining.place)};
  return prompts;
}

Prompts prompts_for_lost_owner(const std::string& lock, const std::string& places) {
  Prompts prompts;
  prompts.trigger = {
      fmt::format("What ended the thread that held {}: an exception, a cancellation, "
                  "an early return?",
                  lock)};
  prompts.root_cause = {fmt::format("Which path leaves without unlocking {}?", lock)};
  prompts.patch = {fmt::format("Hold {} only through a guard object, on every path.", lock),
                   fmt::format("If its holder can be killed, make {} robust and handle EOWNERDEAD "
                               "in {}.",
                               lock, places)};
  prompts.prevention = {fmt::format("Allow no bare lock and unlock of {} in review.", lock)};
  prompts.tests = {
      fmt::format("End the holder of {} on the path that was found, then call {}.", lock, places)};
  return prompts;
}

Prompts prompts_for_fork(const std::string& lock, const std::string& places) {
  Prompts prompts;
  prompts.trigger = {
      fmt::format("Which fork() ran while another thread of the parent held {}?", lock)};
  prompts.root_cause = {
      fmt::format("Why does the child use {} in {} between fork() and exec()?", lock, places)};
  prompts.patch = {
      fmt::format("Call exec() at once, or use posix_spawn(), so that {} is never reached.",
                  places),
      fmt::format("Else take {} around the fork with pthread_atfork().", lock)};
  prompts.prevention = {
      "Fork before the first thread is started, or only to exec(): which rule is it, and who "
      "checks?"};
  prompts.tests = {fmt::format("Fork while another thread holds {}; the child must get through {}.",
                               lock, places)};
  return prompts;
}

Prompts prompts_for_stall(const Sentences& sentences, ResourceIndex resource, ThreadIndex thread) {
  const std::string lock = sentences.lock(resource);
  const std::string holder_place =
      place_of(sentences, thread, sentences.labels().status(thread).frame);
  const std::string taken = sentences.taken(sentences.labels().held(thread, resource));
  Prompts prompts;
  prompts.trigger = {
      fmt::format("Since when, and through what, does {} take so long?", holder_place)};
  if (!taken.empty()) prompts.root_cause_known = {fmt::format("{} is taken in {}.", lock, taken)};
  prompts.root_cause = {fmt::format("Why does {} keep {} while it {}?", sentences.thread(thread),
                                    lock, sentences.activity(thread))};
  prompts.patch = {
      fmt::format("Copy what {} needs, let go of {}, and only then wait.", holder_place, lock),
      fmt::format("Give the waiting in {} an end of its own.", holder_place)};
  prompts.prevention = {
      fmt::format("No call that can block while {} is held: how is that checked?", lock)};
  prompts.tests = {
      fmt::format("Make {} slow, and measure how long others wait for {}.", holder_place, lock)};
  return prompts;
}

/// Nobody is left to do what every thread waits for.
Prompts prompts_for_all_asleep(const Sentences& sentences) {
  std::vector<std::string> waits;
  for (const Wait& wait : sentences.labels().report().diagnosis.waits) {
    const std::string text = fmt::format("{} waits {} {}", place_of_wait(sentences, wait),
                                         wait_words(wait.kind), sentences.lock(wait.resource));
    if (waits.size() < kShownMembers && std::ranges::find(waits, text) == waits.end()) {
      waits.push_back(text);
    }
  }
  Prompts prompts;
  prompts.trigger = {"Which thread should have acted last, and what did it do instead?"};
  prompts.root_cause_known = waits;
  prompts.root_cause = {
      "Which notification, post, arrival or result did not come: was it sent before anybody "
      "waited, or is the number of those who should send it wrong?"};
  prompts.patch = {
      "Wait with a predicate that is set under the mutex, so that a notification cannot be lost.",
      "Derive the number of parties from the threads that were really started."};
  prompts.prevention = {"Give waits that depend on other threads a time limit, and report it."};
  prompts.tests = {
      "Delay the thread that waits until the others are done; the test hangs before "
      "the patch and ends after it."};
  return prompts;
}

/// Where the direct waiters of a finding's lock stand, each place once.
std::string places_of_waiters(const Sentences& sentences, ResourceIndex resource) {
  std::vector<std::string> places;
  for (const Wait& wait : sentences.labels().report().diagnosis.waits) {
    if (wait.resource != resource || places.size() >= kShownMembers) continue;
    const std::string place = place_of_wait(sentences, wait);
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
  return places.empty() ? "the waiting threads" : list_words(places);
}

}  // namespace

std::string place_of_wait(const Sentences& sentences, const Wait& wait) {
  return place_of(sentences, wait.thread, wait.frame);
}

Prompts prompts_for(const Sentences& sentences, const Finding& finding) {
  const Diagnosis& diagnosis = sentences.labels().report().diagnosis;
  if (finding.cycle) {
    const auto members = members_of(sentences, diagnosis.cycles.at(*finding.cycle));
    if (members.size() == 1) return prompts_for_self_deadlock(members.front());
    const auto joining = std::find_if(members.begin(), members.end(),
                                      [](const Member& member) { return member.joins; });
    if (joining != members.end()) return prompts_for_join(members, *joining);
    Prompts prompts = prompts_for_cycle(members);
    const std::string order = sentences.order(diagnosis.cycles.at(*finding.cycle));
    if (!order.empty()) prompts.prevention_known = {"Orders that were seen: " + order + "."};
    return prompts;
  }
  if (!finding.resource) return prompts_for_all_asleep(sentences);
  const ResourceIndex resource = *finding.resource;
  const std::string lock = sentences.lock(resource);
  const auto& holder = diagnosis.resources.at(resource).holder.thread;
  if (finding.kind == FindingKind::kStalledHolder && holder) {
    return prompts_for_stall(sentences, resource, *holder);
  }
  const std::string places = places_of_waiters(sentences, resource);
  if (finding.kind == FindingKind::kForkInherited) return prompts_for_fork(lock, places);
  return prompts_for_lost_owner(lock, places);
}

Prompts prompts_for_processes(const Sentences& sentences) {
  Prompts prompts;
  prompts.trigger = {
      fmt::format("What did {} do that it had not done before: more output, a slower peer, a new "
                  "order of opening or locking?",
                  sentences.process())};
  prompts.root_cause = {
      "Which of the processes should not have waited there, or not before it had done its part?",
      "Does a process wait for another's end or answer before it has read all that this one "
      "writes?"};
  prompts.patch = {
      "Can the one read while it waits (poll, a thread, communicate()), or the other write to a "
      "file?",
      "If it is over files or locks: can all processes open or lock in one order?"};
  prompts.prevention = {
      "Can the wait get a time limit that names the other process when it passes?"};
  prompts.tests = {
      "Which test makes the output larger than a pipe holds (64 KiB), or both sides wait at once?"};
  return prompts;
}

Prompts prompts_for_nothing_stuck(const Sentences& sentences) {
  Prompts prompts;
  prompts.trigger = {fmt::format("What made someone look at {}?", sentences.process())};
  prompts.root_cause = {
      "Was it slow rather than stuck, or stuck at another time? Look again while it lasts."};
  prompts.patch = {"Which change follows, if any?"};
  prompts.prevention = {"Which signal would have told slow from stuck at once?"};
  prompts.tests = {"Which test shows the slowness, if there was one?"};
  return prompts;
}

}  // namespace pstuck
