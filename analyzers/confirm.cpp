#include "analyzers/confirm.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "analyzers/conclusions.h"
#include "analyzers/resources.h"
#include "analyzers/waits/mutex_layout.h"
#include "attach/syscalls.h"

// A capture goes from thread to thread while the target runs, so its waits need not have existed at
// one time: under healthy contention locks change hands between the look at one thread and that at
// the next, and waits that were never there together can look like a cycle. Two later looks settle
// it. Who is in the same call at both, and was not scheduled in between, stood still; a lock that
// names the same owner at both, while those who want it stood still, did not change hands.
//
// A wait that moved is taken out of the diagnosis, a lock that moved loses its owner, and the
// conclusions are drawn again from the rest: nothing is left that followed from what was over.
//
// It fails for a thread that goes round and comes back to the same call between two looks, where
// the kernel shows no context-switch counters; the confirmation says whether they were seen.

namespace pstuck {
namespace {

// What a finding is about, the same before and after its waits were counted again.
using FindingKey = std::tuple<FindingKind, ThreadIndex, ResourceKind, Address>;

FindingKey key_of(const Diagnosis& diagnosis, const Finding& finding) {
  if (finding.cycle) {
    const WaitIndex first = diagnosis.cycles[*finding.cycle].waits.front();
    return {finding.kind, diagnosis.waits[first].thread, {}, {}};
  }
  if (!finding.resource) return {finding.kind, {}, {}, {}};
  const Resource& resource = diagnosis.resources[*finding.resource];
  return {finding.kind, {}, resource.kind, resource.address};
}

std::set<FindingKey> find_keys(const Diagnosis& diagnosis) {
  std::set<FindingKey> keys;
  for (const Finding& finding : diagnosis.findings) keys.insert(key_of(diagnosis, finding));
  return keys;
}

struct Concerned {
  std::vector<ThreadIndex> threads;  // ascending
  std::vector<ResourceIndex> locks;  // ascending; events that are waited for too
};

// Who must stand still, and which locks must stay as they are, for the findings to stay.
class ConcernFinder {
 public:
  explicit ConcernFinder(const Diagnosis& diagnosis)
      : diagnosis_(diagnosis), pile_up_of_(diagnosis.resources.size()) {
    for (const PileUp& pile_up : diagnosis.pile_ups) pile_up_of_[pile_up.resource] = &pile_up;
  }

  [[nodiscard]] std::vector<ThreadIndex> find_threads(const Finding& finding) const {
    std::vector<ThreadIndex> threads = finding.stuck_behind;
    if (finding.cycle) {
      for (const WaitIndex wait : diagnosis_.cycles[*finding.cycle].waits) {
        threads.push_back(diagnosis_.waits[wait].thread);
      }
    }
    if (finding.kind == FindingKind::kStalledHolder) {
      threads.push_back(*pile_up_of_[*finding.resource]->end);
    }
    return threads;
  }

  [[nodiscard]] Concerned find_all() const {
    std::set<ThreadIndex> threads;
    for (const Finding& finding : diagnosis_.findings) {
      for (const ThreadIndex thread : find_threads(finding)) threads.insert(thread);
      if (finding.kind == FindingKind::kStalledHolder) add_way_to_root(finding, threads);
    }
    std::set<ResourceIndex> locks;
    for (const ThreadIndex thread : threads) {
      const auto& wait = diagnosis_.threads[thread].wait;
      if (!wait) continue;
      const ResourceIndex resource = diagnosis_.waits[*wait].resource;
      // A joined thread is looked at itself.
      if (diagnosis_.resources[resource].kind != ResourceKind::kThread) locks.insert(resource);
    }
    return {{threads.begin(), threads.end()}, {locks.begin(), locks.end()}};
  }

 private:
  // Between a finding's lock and the root can be threads that join each other. Several findings
  // can share a part of the way; once is enough.
  void add_way_to_root(const Finding& finding, std::set<ThreadIndex>& threads) const {
    const PileUp* pile_up = pile_up_of_[*finding.resource];
    while (pile_up->next) {
      const ThreadIndex blocker = *diagnosis_.resources[pile_up->resource].blocker;
      if (!threads.insert(blocker).second) return;
      pile_up = &diagnosis_.pile_ups[*pile_up->next];
    }
  }

  const Diagnosis& diagnosis_;
  std::vector<const PileUp*> pile_up_of_;  // by resource
};

// A timed wait comes back from a stop as restart_syscall with the first call's arguments.
bool is_same_call(const Syscall& before, const Syscall& after) {
  return after.state == SyscallState::kInSyscall && before.arguments == after.arguments &&
         (before.number == after.number || after.number == kRestartSyscall);
}

// The stop of the capture can have ended a futex call, which then was made anew on the same word:
// with the value that the word had by then, and with what happened to be in registers that it does
// not use.
bool is_same_call_after_stop(const Syscall& captured, const Syscall& after) {
  if (is_same_call(captured, after)) return true;
  const auto is_futex = [](const Syscall& call) {
    return call.state == SyscallState::kInSyscall && call.number == kFutexCall;
  };
  constexpr std::size_t kWordAndOperation = 2;
  return is_futex(captured) && is_futex(after) &&
         std::equal(captured.arguments.begin(), captured.arguments.begin() + kWordAndOperation,
                    after.arguments.begin());
}

bool counters_seen(const ThreadLook& first, const ThreadLook& second) {
  return first.switches && second.switches;
}

}  // namespace

bool stood_still(const Syscall& captured, const ThreadLook& first, const ThreadLook& second) {
  if (!first.exists || !second.exists) return false;
  if (counters_seen(first, second) && *first.switches != *second.switches) return false;
  if (captured.state == SyscallState::kInSyscall) {
    return is_same_call_after_stop(captured, first.syscall) &&
           is_same_call(first.syscall, second.syscall);
  }
  // Outside a call, as in a page fault or stopped by a signal, only the counters can tell.
  return first.syscall == second.syscall && counters_seen(first, second);
}

namespace {

class TwoLooks {
 public:
  TwoLooks(const Snapshot& snapshot, const Look& first, const Look& second)
      : snapshot_(snapshot), first_(first), second_(second) {}

  // `at`: the thread's place among those asked for.
  [[nodiscard]] bool thread_moved(ThreadIndex thread, std::size_t at) const {
    const ThreadSnapshot& captured = snapshot_.threads[thread];
    if (!has_thread(first_, captured.tid, at) || !has_thread(second_, captured.tid, at)) {
      return true;
    }
    return !stood_still(captured.syscall, first_.threads[at], second_.threads[at]);
  }

  [[nodiscard]] bool saw_counters(std::size_t at) const {
    return at < first_.threads.size() && at < second_.threads.size() &&
           counters_seen(first_.threads[at], second_.threads[at]);
  }

  // Why the lock is nobody's any more; none when it still is as it was.
  [[nodiscard]] std::optional<OwnerFate> lock_changed(const Resource& lock, std::size_t at) const {
    if (lock.seen.empty() && !lock.holder.recorded_id) return std::nullopt;
    for (const Look* look : {&first_, &second_}) {
      if (at >= look->locks.size() || !look->locks[at]) {
        // What could not be read before either was known from the waiters' registers.
        if (!lock.mutex && lock.seen.empty()) continue;
        return OwnerFate::kUnreadable;
      }
      if (!is_as_before(lock, *look->locks[at])) return OwnerFate::kInTransition;
    }
    return std::nullopt;
  }

 private:
  static bool is_as_before(const Resource& lock, const std::array<std::byte, 24>& bytes) {
    if (!lock.seen.empty()) {
      const std::size_t size = std::min(lock.seen.size(), bytes.size());
      return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size),
                        lock.seen.begin());
    }
    return find_owner(bytes) == MutexOwner{MutexOwner::State::kHeld, *lock.holder.recorded_id};
  }

  static bool has_thread(const Look& look, Tid tid, std::size_t at) {
    return at < look.threads.size() && look.threads[at].tid == tid;
  }

  const Snapshot& snapshot_;
  const Look& first_;
  const Look& second_;
};

// Leaves only the waits of threads that did not move.
void drop_waits(const std::vector<bool>& moved, Diagnosis& diagnosis) {
  std::vector<Wait> waits;
  for (Wait& wait : diagnosis.waits) {
    ThreadStatus& thread = diagnosis.threads[wait.thread];
    if (moved[wait.thread]) {
      thread.wait.reset();
      continue;
    }
    thread.wait = waits.size();
    waits.push_back(std::move(wait));
  }
  diagnosis.waits = std::move(waits);
}

// What a thread that moved has by now is not known, but for the locks that still name it; and a
// lock that moved is nobody's.
void drop_held(const std::vector<bool>& moved, Diagnosis& diagnosis) {
  std::erase_if(diagnosis.held, [&](const HeldLock& held) {
    const auto holders = find_who_must_act(diagnosis.resources[held.resource]);
    if (std::ranges::find(holders, held.thread) == holders.end()) return true;
    return moved[held.thread] && held.found_by != FoundBy::kWaitedFor;
  });
}

// Leaves only the resources that somebody waits for or holds.
void drop_resources(Diagnosis& diagnosis) {
  std::set<ResourceIndex> used;
  for (const Wait& wait : diagnosis.waits) used.insert(wait.resource);
  for (const HeldLock& held : diagnosis.held) used.insert(held.resource);
  keep_resources(std::vector(used.begin(), used.end()), diagnosis);
}

void drop_what_moved(const TwoLooks& looks, const Concerned& concerned, Diagnosis& diagnosis) {
  std::vector<bool> moved(diagnosis.threads.size());
  for (std::size_t i = 0; i < concerned.threads.size(); ++i) {
    const ThreadIndex thread = concerned.threads[i];
    if (!looks.thread_moved(thread, i)) continue;
    moved[thread] = true;
    diagnosis.threads[thread].activity = Activity::kRuns;
    diagnosis.threads[thread].syscall = -1;
    diagnosis.threads[thread].kernel_wait.reset();
    diagnosis.threads[thread].remark.reset();
  }
  for (std::size_t i = 0; i < concerned.locks.size(); ++i) {
    Resource& lock = diagnosis.resources[concerned.locks[i]];
    const auto fate = looks.lock_changed(lock, i);
    if (!fate) continue;
    lock.holder = {.fate = *fate};
    lock.partners.clear();
    lock.partners_complete = false;
  }
  drop_waits(moved, diagnosis);
  drop_held(moved, diagnosis);
  drop_resources(diagnosis);
}

}  // namespace

ConfirmRequest find_what_to_confirm(const Snapshot& snapshot, const Diagnosis& diagnosis) {
  const Concerned concerned = ConcernFinder(diagnosis).find_all();
  ConfirmRequest request;
  for (const ThreadIndex thread : concerned.threads) {
    request.threads.push_back(snapshot.threads[thread].tid);
  }
  for (const ResourceIndex lock : concerned.locks) {
    request.locks.push_back(diagnosis.resources[lock].address);
  }
  return request;
}

bool nothing_moved(const Snapshot& snapshot, const Look& first, const Look& second,
                   const Diagnosis& diagnosis) {
  const Concerned concerned = ConcernFinder(diagnosis).find_all();
  const TwoLooks looks(snapshot, first, second);
  for (std::size_t i = 0; i < concerned.threads.size(); ++i) {
    if (looks.thread_moved(concerned.threads[i], i)) return false;
  }
  for (std::size_t i = 0; i < concerned.locks.size(); ++i) {
    if (looks.lock_changed(diagnosis.resources[concerned.locks[i]], i)) return false;
  }
  return true;
}

void confirm(const Snapshot& snapshot, const Look& first, const Look& second,
             Diagnosis& diagnosis) {
  const std::set<FindingKey> before = find_keys(diagnosis);
  const Concerned concerned = ConcernFinder(diagnosis).find_all();
  const TwoLooks looks(snapshot, first, second);

  drop_what_moved(looks, concerned, diagnosis);
  draw_conclusions(snapshot, diagnosis);

  std::set<ThreadIndex> uncounted;
  for (std::size_t i = 0; i < concerned.threads.size(); ++i) {
    if (!looks.saw_counters(i)) uncounted.insert(concerned.threads[i]);
  }
  const ConcernFinder still_concerned(diagnosis);
  for (Finding& finding : diagnosis.findings) {
    finding.confirmation = {.looked_again = true, .gap = second.monotonic - first.monotonic};
    finding.confirmation.counters_seen =
        std::ranges::none_of(still_concerned.find_threads(finding),
                             [&](ThreadIndex thread) { return uncounted.contains(thread); });
  }
  const std::set<FindingKey> after = find_keys(diagnosis);
  diagnosis.moved += static_cast<std::size_t>(
      std::ranges::count_if(before, [&](const FindingKey& key) { return !after.contains(key); }));
}

}  // namespace pstuck
