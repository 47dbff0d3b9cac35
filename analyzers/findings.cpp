#include "analyzers/findings.h"

#include <algorithm>
#include <tuple>

#include "analyzers/resources.h"
#include "analyzers/root_blockers.h"
#include "analyzers/signals.h"
#include "analyzers/thread_rules.h"
#include "attach/mappings.h"

// A finding stands where a chain of waits ends: in a cycle, at a lock whose recorded owner is not
// there, or at a holder that does nothing although it is not idle: it sleeps, or waits for an
// event, as for a connection of a pool, while others wait for its lock. One that only waits its
// turn, or that holds a lock while it waits for work (redis parks its I/O threads so), is none. Nor
// is it one that threads wait behind which are parked for work themselves, as a rule tells.
//
//     t1 ──▶ [A] held by t2 ──▶ joins t3, who sleeps on a disk
//
// The finding is then about the last lock of the chain, A: waiting for a thread to end is normal.
//
// Where there is none of these, one more is looked for, which needs no holder at all: when every
// thread of the process waits, without a time limit, for something that only a thread of this
// process does, nobody is left to do it. (A signal handler could, so it is no finding where the
// process has handlers for signals that come from outside. SIGINT alone is no objection to a lock
// that the process got by fork(), where a rule says that no handler gives such locks back.)

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

// Of a thread that keeps others waiting: it waits itself for an event that may never come.
bool waits_for_an_event(const Diagnosis& diagnosis, ThreadIndex thread) {
  const auto& wait = diagnosis.threads[thread].wait;
  if (!wait) return false;
  const Resource& resource = diagnosis.resources[diagnosis.waits[*wait].resource];
  return !holds_up(resource) && resource.holder.fate == OwnerFate::kNotRecorded;
}

bool is_stalled(const Snapshot& snapshot, const Diagnosis& diagnosis, ThreadIndex thread) {
  if (is_parked(diagnosis, thread)) return false;
  switch (diagnosis.threads[thread].activity) {
    case Activity::kFutex:
    case Activity::kSleeps:
    case Activity::kBlocked:
    case Activity::kUninterruptible:
    case Activity::kStopped:
      break;
    case Activity::kWaits:
      if (!waits_for_an_event(diagnosis, thread)) return false;
      break;
    case Activity::kIdle:
      // It waits for a lock that only its program knows, in a call like those who wait for work.
      if (!find_remark(diagnosis, thread, Remark::Says::kAsk)) return false;
      break;
    case Activity::kRuns:
    case Activity::kCrashed:
    case Activity::kEnded:
    case Activity::kUnknown:
      return false;
  }
  const auto& not_run_for = snapshot.threads[thread].not_run_for;
  return not_run_for && *not_run_for >= kStalledAfter;
}

bool can_be_ended_from_outside(const Snapshot& snapshot, const Resource& resource) {
  const Mapping* mapping = find_mapping(snapshot, resource.address);
  return resource.process_shared || (mapping != nullptr && mapping->shared) ||
         (resource.mutex && resource.mutex->process_shared) ||
         resource.holder.fate == OwnerFate::kOtherProcess ||
         resource.holder.fate == OwnerFate::kOtherNamespace;
}

// A lock on its way, or one whose state could not be seen, proves nothing.
bool is_surely_asleep(const Snapshot& snapshot, const Diagnosis& diagnosis, const Wait& wait) {
  const Resource& resource = diagnosis.resources[wait.resource];
  return !wait.deadline && resource.kind != ResourceKind::kSpinlock &&
         resource.holder.fate != OwnerFate::kInTransition &&
         resource.holder.fate != OwnerFate::kUnreadable &&
         !can_be_ended_from_outside(snapshot, resource);
}

bool waits_for_inherited_lock(const Diagnosis& diagnosis, const Wait& wait) {
  return diagnosis.resources[wait.resource].value_in_parent &&
         find_remark(diagnosis, wait.thread, Remark::Says::kLock) != nullptr;
}

// How sure it is that nobody is left to act; none where somebody may be.
std::optional<Evidence> all_are_asleep(const Snapshot& snapshot, const Diagnosis& diagnosis) {
  constexpr std::uint64_t kInterrupt = signal_bit(2);
  if (diagnosis.waits.empty()) return {};
  for (const ThreadStatus& thread : diagnosis.threads) {
    if (thread.activity == Activity::kEnded) continue;
    if (!thread.wait) return {};
    if (!is_surely_asleep(snapshot, diagnosis, diagnosis.waits[*thread.wait])) return {};
  }
  if (!handles_signals_from_outside(snapshot.process)) return Evidence::kRecorded;
  const bool inherited = std::ranges::all_of(
      diagnosis.waits, [&](const Wait& wait) { return waits_for_inherited_lock(diagnosis, wait); });
  if (!inherited || handles_signals_from_outside(snapshot.process, kInterrupt)) return {};
  return Evidence::kInferred;
}

class FindingFinder {
 public:
  FindingFinder(const Snapshot& snapshot, const Diagnosis& diagnosis)
      : snapshot_(snapshot), diagnosis_(diagnosis), heads_(find_heads()) {}

  std::vector<Finding> run() && {
    for (CycleIndex i = 0; i < diagnosis_.cycles.size(); ++i) add_deadlock(i);
    std::vector<std::size_t> finding_of(diagnosis_.pile_ups.size(), kNone);
    for (PileUpIndex i = 0; i < diagnosis_.pile_ups.size(); ++i) {
      if (heads_[i] != i) continue;
      if (const auto kind = kind_of(diagnosis_.pile_ups[i])) {
        finding_of[i] = findings_.size();
        add_pile_up(*kind, diagnosis_.pile_ups[i]);
      }
    }
    for (PileUpIndex i = 0; i < diagnosis_.pile_ups.size(); ++i) {
      const PileUp& pile_up = diagnosis_.pile_ups[i];
      if (pile_up.cycle) {
        add_victims(pile_up, findings_[*pile_up.cycle]);
      } else if (heads_[i] != kNone && finding_of[heads_[i]] != kNone) {
        add_victims(pile_up, findings_[finding_of[heads_[i]]]);
      }
    }
    drop_what_only_parked_threads_wait_for();
    if (findings_.empty()) {
      if (const auto evidence = all_are_asleep(snapshot_, diagnosis_)) add_all_asleep(*evidence);
    }
    sort();
    return std::move(findings_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  [[nodiscard]] const Resource& resource(const PileUp& pile_up) const {
    return diagnosis_.resources[pile_up.resource];
  }

  // For each pile-up the last one of its chain that is about a lock.
  [[nodiscard]] std::vector<PileUpIndex> find_heads() const {
    std::vector<PileUpIndex> heads(diagnosis_.pile_ups.size(), kNone);
    for (const PileUpIndex i : order_from_the_roots(diagnosis_.pile_ups)) {
      const PileUp& pile_up = diagnosis_.pile_ups[i];
      if (pile_up.next) heads[i] = heads[*pile_up.next];
      if (heads[i] == kNone && is_lock(resource(pile_up).kind)) heads[i] = i;
    }
    return heads;
  }

  [[nodiscard]] std::optional<FindingKind> kind_of(const PileUp& pile_up) const {
    switch (resource(pile_up).holder.fate) {
      case OwnerFate::kExited:
        return FindingKind::kOwnerExited;
      case OwnerFate::kForkInherited:
        return FindingKind::kForkInherited;
      case OwnerFate::kRecycled:
        return FindingKind::kOwnerRecycled;
      case OwnerFate::kThread:
        break;
      case OwnerFate::kInTransition:
      case OwnerFate::kOtherProcess:
      case OwnerFate::kOtherNamespace:
      case OwnerFate::kNotRecorded:
      case OwnerFate::kUnreadable:
        return std::nullopt;
    }
    const bool stalled = pile_up.end && is_stalled(snapshot_, diagnosis_, *pile_up.end);
    return stalled ? std::optional(FindingKind::kStalledHolder) : std::nullopt;
  }

  // None where one of the waits is of unknown length.
  [[nodiscard]] std::optional<nanoseconds> find_shortest(
      const std::vector<WaitIndex>& waits) const {
    std::optional<nanoseconds> shortest;
    for (const WaitIndex wait : waits) {
      const auto& waited = diagnosis_.waits[wait].waited;
      if (!waited) return std::nullopt;
      shortest = shortest ? std::min(*shortest, *waited) : *waited;
    }
    return shortest;
  }

  [[nodiscard]] std::optional<nanoseconds> find_end(const std::vector<WaitIndex>& waits) const {
    std::optional<nanoseconds> end;
    for (const WaitIndex wait : waits) {
      const auto& deadline = diagnosis_.waits[wait].deadline;
      if (!deadline || !deadline->remaining) continue;
      const nanoseconds remaining = std::max(*deadline->remaining, nanoseconds(0));
      end = end ? std::min(*end, remaining) : remaining;
    }
    return end;
  }

  void add_deadlock(CycleIndex index) {
    const auto& waits = diagnosis_.cycles[index].waits;
    Finding finding{.kind = FindingKind::kDeadlock,
                    .cycle = index,
                    .since = find_shortest(waits),
                    .ends_by_itself = find_end(waits)};
    for (const WaitIndex wait : waits) {
      const Resource& resource = diagnosis_.resources[diagnosis_.waits[wait].resource];
      const bool recorded = resource.holder.evidence == Evidence::kRecorded;
      // Only holders that are recorded, or partners that are complete, make an edge.
      finding.evidence =
          std::max(finding.evidence, recorded ? Evidence::kRecorded : Evidence::kInferred);
    }
    findings_.push_back(std::move(finding));
  }

  void add_pile_up(FindingKind kind, const PileUp& pile_up) {
    findings_.push_back({.kind = kind,
                         .evidence = resource(pile_up).holder.evidence,
                         .resource = pile_up.resource,
                         .since = find_shortest(pile_up.waits)});
  }

  void add_all_asleep(Evidence evidence) {
    Finding finding{.kind = FindingKind::kAllAsleep, .evidence = evidence};
    std::vector<WaitIndex> waits;
    for (WaitIndex i = 0; i < diagnosis_.waits.size(); ++i) {
      waits.push_back(i);
      finding.stuck_behind.push_back(diagnosis_.waits[i].thread);
    }
    finding.since = find_shortest(waits);
    findings_.push_back(std::move(finding));
  }

  void add_victims(const PileUp& pile_up, Finding& finding) const {
    for (const WaitIndex wait : pile_up.waits) {
      finding.stuck_behind.push_back(diagnosis_.waits[wait].thread);
    }
  }

  void drop_what_only_parked_threads_wait_for() {
    std::erase_if(findings_, [&](const Finding& finding) {
      return finding.kind == FindingKind::kStalledHolder &&
             std::ranges::all_of(finding.stuck_behind,
                                 [&](ThreadIndex thread) { return is_parked(diagnosis_, thread); });
    });
  }

  void sort() {
    const auto key = [&](const Finding& finding) {
      const bool deadlock = finding.kind == FindingKind::kDeadlock;
      const std::size_t in_cycle = deadlock ? diagnosis_.cycles[*finding.cycle].waits.size() : 0;
      const std::size_t concerned = in_cycle + finding.stuck_behind.size();
      return std::tuple(!deadlock, ~concerned, finding.cycle, finding.resource);
    };
    for (Finding& finding : findings_) std::ranges::sort(finding.stuck_behind);
    std::ranges::sort(findings_, {}, key);
  }

  const Snapshot& snapshot_;
  const Diagnosis& diagnosis_;
  std::vector<PileUpIndex> heads_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_findings(const Snapshot& snapshot, const Diagnosis& diagnosis) {
  return FindingFinder(snapshot, diagnosis).run();
}

}  // namespace pstuck
