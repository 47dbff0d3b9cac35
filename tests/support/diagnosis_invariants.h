#pragma once

/// What holds for every diagnosis, whatever the target was. Header only: the fuzzers use it too.

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/resources.h"
#include "analyzers/thread_rules.h"

namespace pstuck::testing {

class DiagnosisInvariants {
 public:
  DiagnosisInvariants(const Snapshot& snapshot, const Diagnosis& diagnosis)
      : snapshot_(snapshot), diagnosis_(diagnosis), in_cycle_(diagnosis.waits.size()) {}

  /// The broken rules, one a line; empty when all hold.
  std::string find_broken() {
    check_waits();
    check_resources();
    check_held();
    if (!broken_.empty()) return broken_;  // the indexes below rest on these
    check_cycles();
    check_pile_ups();
    check_chains();
    check_root_blockers();
    check_findings();
    check_every_thread_is_spoken_of_once();
    return broken_;
  }

 private:
  void hold(bool holds, const char* rule) {
    if (!holds) broken_ += std::string(rule) + "\n";
  }

  void check_waits() {
    hold(diagnosis_.threads.size() == snapshot_.threads.size(), "a status for each thread");
    hold(std::ranges::is_sorted(diagnosis_.waits, std::ranges::less_equal{}, &Wait::thread),
         "waits ascend by thread, one for each");
    for (WaitIndex i = 0; i < diagnosis_.waits.size(); ++i) {
      const Wait& wait = diagnosis_.waits[i];
      hold(wait.resource < diagnosis_.resources.size(), "a wait's resource exists");
      hold(wait.thread < diagnosis_.threads.size() && diagnosis_.threads[wait.thread].wait == i,
           "a wait's thread points back");
    }
    for (const ThreadStatus& thread : diagnosis_.threads) {
      hold((thread.activity == Activity::kWaits) == thread.wait.has_value(), "kWaits means a wait");
      hold(!thread.wait || *thread.wait < diagnosis_.waits.size(), "a thread's wait exists");
    }
  }

  void check_resources() {
    std::set<ResourceIndex> wanted;
    for (const Wait& wait : diagnosis_.waits) wanted.insert(wait.resource);
    for (const HeldLock& held : diagnosis_.held) wanted.insert(held.resource);
    hold(wanted.size() == diagnosis_.resources.size(), "every resource is waited for or held");
    const auto key = [](const Resource& resource) {
      return std::tuple(resource.kind, resource.address);
    };
    hold(std::ranges::is_sorted(diagnosis_.resources, std::ranges::less{}, key), "resource order");
    for (const Resource& resource : diagnosis_.resources) {
      check_holder(resource.holder);
      check_partners(resource);
    }
  }

  void check_partners(const Resource& resource) {
    hold(std::ranges::is_sorted(resource.partners, std::ranges::less_equal{}, &Partner::thread),
         "partners ascend by thread, each once");
    for (const Partner& partner : resource.partners) {
      hold(partner.thread < snapshot_.threads.size(), "a partner exists");
      hold(partner.evidence != Evidence::kUnknown, "a partner is known");
    }
    hold(!resource.partners_complete || !resource.partners.empty(), "nobody is not complete");
    hold(resource.partners.empty() || resource.holder.fate == OwnerFate::kNotRecorded ||
             (resource.partners.size() == 1 &&
              resource.holder.thread == resource.partners.front().thread),
         "partners where no owner is recorded");
    hold(!resource.blocker || must_act(resource, *resource.blocker), "a blocker must act");
  }

  [[nodiscard]] static bool must_act(const Resource& resource, ThreadIndex thread) {
    if (resource.holder.fate == OwnerFate::kThread) return resource.holder.thread == thread;
    return resource.partners_complete &&
           std::ranges::find(resource.partners, thread, &Partner::thread) !=
               resource.partners.end();
  }

  void check_held() {
    const auto innermost_first = [](const HeldLock& held) {
      const std::size_t frame = held.acquisition ? held.acquisition->frame : SIZE_MAX;
      return std::tuple(held.thread, frame, held.resource);
    };
    hold(std::ranges::is_sorted(diagnosis_.held, std::ranges::less{}, innermost_first),
         "held locks ascend by thread, frame and resource");
    std::set<std::pair<ResourceIndex, std::size_t>> seen;
    for (const HeldLock& held : diagnosis_.held) {
      hold(held.resource < diagnosis_.resources.size(), "a held resource exists");
      if (held.resource >= diagnosis_.resources.size()) continue;
      const Resource& resource = diagnosis_.resources[held.resource];
      const std::size_t frame = held.acquisition ? held.acquisition->frame : SIZE_MAX;
      hold(seen.emplace(held.resource, frame).second, "a frame took a lock once");
      hold(!held.doubted, "what was doubted is proved or gone");
      hold(resource.kind != ResourceKind::kThread, "a thread's end is no lock");
      hold(must_act(resource, held.thread), "who has a lock must give it back");
    }
  }

  void check_holder(const Holder& holder) {
    const bool has_thread =
        holder.fate == OwnerFate::kThread || holder.fate == OwnerFate::kRecycled;
    const bool is_fact =
        has_thread || holder.fate == OwnerFate::kExited || holder.fate == OwnerFate::kForkInherited;
    hold(holder.thread.has_value() == has_thread, "a thread for kThread and kRecycled");
    hold(!holder.thread || *holder.thread < snapshot_.threads.size(), "a holder exists");
    const bool inferred =
        holder.fate == OwnerFate::kThread && holder.evidence == Evidence::kInferred;
    hold(!is_fact || inferred || holder.evidence == Evidence::kRecorded,
         "a fate that is told is recorded");
    hold(holder.fate != OwnerFate::kForkInherited || holder.elsewhere.has_value(),
         "the parent of a fork is named");
  }

  void check_cycles() {
    for (const Cycle& cycle : diagnosis_.cycles) {
      hold(!cycle.waits.empty(), "a cycle has waits");
      hold(cycle.holders.size() == cycle.waits.size(), "each in a cycle waits for one");
      if (cycle.holders.size() != cycle.waits.size()) continue;
      const std::set<WaitIndex> members(cycle.waits.begin(), cycle.waits.end());
      for (std::size_t i = 0; i < cycle.waits.size(); ++i) {
        const Wait& wait = diagnosis_.waits[cycle.waits[i]];
        const Wait& next = diagnosis_.waits[cycle.waits[(i + 1) % cycle.waits.size()]];
        hold(must_act(diagnosis_.resources[wait.resource], cycle.holders[i]),
             "who is waited for must act");
        hold(!cycle.ring || cycle.holders[i] == next.thread, "each in a ring waits for the next");
        const auto& held_up = diagnosis_.threads[cycle.holders[i]].wait;
        hold(held_up && members.contains(*held_up), "who is waited for is in the cycle");
        hold(cycle.waits.front() <= cycle.waits[i], "a cycle begins with its lowest thread");
        hold(!in_cycle_[cycle.waits[i]], "a wait is in one cycle");
        in_cycle_[cycle.waits[i]] = true;
      }
    }
    hold(std::ranges::is_sorted(diagnosis_.cycles, {},
                                [](const Cycle& cycle) { return cycle.waits.front(); }),
         "cycle order");
  }

  void check_pile_ups() {
    std::vector<bool> piled = in_cycle_;
    for (const PileUp& pile_up : diagnosis_.pile_ups) {
      hold(!pile_up.waits.empty() && std::ranges::is_sorted(pile_up.waits), "waits in a pile-up");
      std::multiset<ThreadIndex> threads;
      for (const WaitIndex wait : pile_up.waits) {
        hold(!piled[wait], "a wait is in a cycle or in one pile-up");
        hold(diagnosis_.waits[wait].resource == pile_up.resource, "a pile-up has one resource");
        piled[wait] = true;
        threads.insert(diagnosis_.waits[wait].thread);
      }
      check_groups(pile_up.groups, threads);
    }
    hold(std::ranges::all_of(piled, [](bool is_piled) { return is_piled; }),
         "every wait is in a cycle or in a pile-up");
    hold(std::ranges::is_sorted(diagnosis_.pile_ups, std::ranges::greater{}, &PileUp::victims),
         "the worst pile-up is first");
  }

  void check_groups(const std::vector<StackGroup>& groups, std::multiset<ThreadIndex> threads) {
    for (const StackGroup& group : groups) {
      hold(!group.threads.empty() && std::ranges::is_sorted(group.threads), "threads of a group");
      for (const ThreadIndex thread : group.threads) {
        hold(threads.erase(thread) == 1, "a group's threads are the pile-up's");
      }
    }
    hold(threads.empty(), "every thread of a pile-up is in a group");
    hold(std::ranges::is_sorted(groups, std::ranges::greater{},
                                [](const StackGroup& group) { return group.threads.size(); }),
         "the biggest group is first");
  }

  void check_chains() {
    std::vector<std::size_t> victims(diagnosis_.pile_ups.size());
    for (PileUpIndex i = 0; i < diagnosis_.pile_ups.size(); ++i) {
      const PileUp& pile_up = diagnosis_.pile_ups[i];
      victims[i] += pile_up.waits.size();
      hold(!(pile_up.root && pile_up.cycle), "a chain has one end");
      hold(!pile_up.root || !diagnosis_.threads[*pile_up.root].wait, "a root does not wait");
      hold(!pile_up.cycle || *pile_up.cycle < diagnosis_.cycles.size(), "a cycle exists");
      if (!pile_up.next) {
        hold(pile_up.hops == 1, "one hop to the end");
        continue;
      }
      hold(*pile_up.next < diagnosis_.pile_ups.size(), "the next pile-up exists");
      const PileUp& next = diagnosis_.pile_ups.at(*pile_up.next);
      hold(
          pile_up.hops == next.hops + 1 && pile_up.root == next.root && pile_up.cycle == next.cycle,
          "who is behind a pile-up has its end");
      victims[*pile_up.next] += pile_up.victims;
    }
    for (PileUpIndex i = 0; i < victims.size(); ++i) {
      hold(victims[i] == diagnosis_.pile_ups[i].victims, "victims add up");
    }
  }

  void check_root_blockers() {
    std::vector<std::size_t> listed(diagnosis_.pile_ups.size());
    std::set<std::tuple<std::optional<ThreadIndex>, std::optional<CycleIndex>>> ends;
    for (const RootBlocker& root : diagnosis_.root_blockers) {
      hold(root.thread.has_value() != root.cycle.has_value(), "a root is a thread or a deadlock");
      hold(ends.emplace(root.thread, root.cycle).second, "each root once");
      std::size_t victims = 0;
      for (const PileUpIndex i : root.pile_ups) {
        const PileUp& pile_up = diagnosis_.pile_ups.at(i);
        hold(pile_up.end == root.thread && pile_up.cycle == root.cycle, "a chain ends in its root");
        victims += pile_up.waits.size();
        ++listed[i];
      }
      hold(victims == root.victims.size(), "victims of a root");
      hold(std::ranges::is_sorted(root.victims, std::ranges::less_equal{}), "victims ascend");
      const std::size_t members = root.cycle ? diagnosis_.cycles[*root.cycle].waits.size() : 0;
      hold(members <= root.frees && root.frees <= victims + members, "who is freed was stuck");
    }
    for (PileUpIndex i = 0; i < listed.size(); ++i) {
      const bool has_root = diagnosis_.pile_ups[i].end || diagnosis_.pile_ups[i].cycle;
      hold(listed[i] == (has_root ? 1 : 0), "a pile-up with an end has one root");
    }
    hold(std::ranges::is_sorted(diagnosis_.root_blockers, std::ranges::greater{},
                                [](const RootBlocker& root) { return root.victims.size(); }),
         "the worst root is first");
  }

  void check_findings() {
    std::size_t deadlocks = 0;
    for (const Finding& finding : diagnosis_.findings) {
      const bool deadlock = finding.kind == FindingKind::kDeadlock;
      if (deadlock) ++deadlocks;
      hold(finding.cycle.has_value() == deadlock, "a deadlock has a cycle");
      hold(finding.resource.has_value() == (!deadlock && finding.kind != FindingKind::kAllAsleep),
           "other findings have a resource");
      hold(!finding.resource || is_lock(diagnosis_.resources.at(*finding.resource).kind),
           "a join alone is no finding");
      hold(std::ranges::is_sorted(finding.stuck_behind, std::ranges::less_equal{}),
           "who is stuck is named once, ascending");
      for (const ThreadIndex thread : finding.stuck_behind) {
        const auto& wait = diagnosis_.threads.at(thread).wait;
        hold(wait && !in_cycle_[*wait], "who is stuck waits, and not in a cycle");
      }
    }
    hold(deadlocks == diagnosis_.cycles.size(), "every cycle is a deadlock");
    hold(std::ranges::is_sorted(
             diagnosis_.findings, {},
             [](const Finding& finding) { return finding.kind != FindingKind::kDeadlock; }),
         "deadlocks are first");
  }

  void check_every_thread_is_spoken_of_once() {
    std::vector<bool> spoken_of(diagnosis_.threads.size());
    for (WaitIndex i = 0; i < diagnosis_.waits.size(); ++i) {
      const Wait& wait = diagnosis_.waits[i];
      if (in_cycle_[i]) spoken_of[wait.thread] = true;
    }
    for (const PileUp& pile_up : diagnosis_.pile_ups) {
      if (!holds_up(diagnosis_.resources[pile_up.resource])) continue;
      if (is_parked(diagnosis_, pile_up)) continue;
      for (const WaitIndex wait : pile_up.waits) spoken_of[diagnosis_.waits[wait].thread] = true;
    }
    for (const Finding& finding : diagnosis_.findings) {
      for (const ThreadIndex thread : finding.stuck_behind) spoken_of[thread] = true;
    }
    for (const ThreadGroup& other : diagnosis_.others) {
      hold(!other.group.threads.empty(), "a group of others has threads");
      for (const ThreadIndex thread : other.group.threads) {
        hold(!spoken_of[thread], "others are spoken of nowhere else");
        spoken_of[thread] = true;
      }
    }
    hold(std::ranges::all_of(spoken_of, [](bool is_spoken_of) { return is_spoken_of; }),
         "every thread is spoken of");
  }

  const Snapshot& snapshot_;
  const Diagnosis& diagnosis_;
  std::vector<bool> in_cycle_;  // by wait
  std::string broken_;
};

}  // namespace pstuck::testing
