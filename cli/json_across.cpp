#include "cli/json_across.h"

#include "cli/across_sentences.h"
#include "cli/json_words.h"

namespace pstuck {
namespace {

Json json_of_member(const Reports& reports, const ThreadRef& member) {
  const Snapshot& snapshot = reports.process(member.process).snapshot;
  return {{"pid", snapshot.process.pid.value},
          {"tid", snapshot.threads.at(member.thread).tid.value}};
}

Json json_of_wait(const Reports& reports, const CrossWait& wait) {
  return {{"waiter", json_of_member(reports, wait.waiter)},
          {"needs", json_word(wait.needs)},
          {"processes", list_of(wait.processes, [](Tid pid) { return Json(pid.value); })},
          {"owner", wait.owner ? json_of_member(reports, *wait.owner) : Json()},
          {"can_only_end_so", wait.can_only_end_so}};
}

Json json_of_cycle(const Reports& reports, const AcrossSentences& sentences,
                   const CrossCycle& cycle) {
  Json members = Json::array();
  for (std::size_t i = 0; i < cycle.members.size(); ++i) {
    Json member = json_of_member(reports, cycle.members[i]);
    member["waits_for"] = json_of_member(reports, cycle.waits_for.at(i));
    members.push_back(std::move(member));
  }
  return {{"ring", cycle.ring},
          {"members", std::move(members)},
          {"stuck_behind",
           list_of(cycle.stuck_behind,
                   [&](const ThreadRef& member) { return json_of_member(reports, member); })},
          {"evidence", json_word(cycle.evidence)},
          {"since_ns", or_null(cycle.since)},
          {"ends_by_itself_ns", or_null(cycle.ends_by_itself)},
          {"confirmation", json_of_confirmation(cycle.confirmation)},
          {"sentence", sentences.verdict(cycle)}};
}

Json json_of_root(const Reports& reports, const AcrossSentences& sentences, const CrossRoot& root) {
  const auto member = [&](const ThreadRef& thread) { return json_of_member(reports, thread); };
  const Snapshot& snapshot = reports.process(root.process).snapshot;
  return {{"pid", snapshot.process.pid.value},
          {"tid", root.thread ? Json(snapshot.threads.at(*root.thread).tid.value) : Json()},
          {"hops", root.hops},
          {"path", list_of(root.path, member)},
          {"victims", list_of(root.victims, member)},
          {"confirmation", json_of_confirmation(root.confirmation)},
          {"sentence", sentences.root(root)}};
}

}  // namespace

Json json_of_confirmation(const Confirmation& confirmation) {
  return {{"looked_again", confirmation.looked_again},
          {"counters_seen", confirmation.counters_seen},
          {"gap_ns", confirmation.gap.count()}};
}

Json json_of_across(const Reports& reports) {
  const AcrossSentences sentences(reports);
  return {{"waits", list_of(reports.across.waits,
                            [&](const CrossWait& wait) { return json_of_wait(reports, wait); })},
          {"deadlocks", list_of(reports.across.cycles,
                                [&](const CrossCycle& cycle) {
                                  return json_of_cycle(reports, sentences, cycle);
                                })},
          {"roots",
           list_of(reports.across.roots,
                   [&](const CrossRoot& root) { return json_of_root(reports, sentences, root); })},
          {"moved", reports.across.moved}};
}

}  // namespace pstuck
