#include "analyzers/confirm_across.h"

#include <algorithm>
#include <set>

#include "analyzers/confirm.h"

// The processes were captured one after the other, so a wait of the one and a wait of the other
// need not have been there at one time. So all are looked at twice more: who was not scheduled in
// between stood still, and then so did the pipes and locks among them, which nobody else can touch.
// Which these are is asked anew between the two looks: a descriptor may have gone to another
// process since.

namespace pstuck {
namespace {

// The threads that a cycle rests on. Of a chain these are its waiters: its end may do what it does.
std::vector<ThreadRef> find_threads(std::span<const ProcessView> processes,
                                    const CrossCycle& cycle) {
  std::set<ThreadRef> threads(cycle.members.begin(), cycle.members.end());
  for (const ProcessIndex process : cycle.whole) {
    const auto& all = processes[process].diagnosis.threads;
    for (ThreadIndex thread = 0; thread < all.size(); ++thread) {
      if (all[thread].activity != Activity::kEnded) threads.insert({process, thread});
    }
  }
  return {threads.begin(), threads.end()};
}

const ThreadLook* find_thread(const Look& look, Tid tid) {
  const auto found = std::ranges::find(look.threads, tid, &ThreadLook::tid);
  return found == look.threads.end() ? nullptr : &*found;
}

// Whom the thread's wait in the kernel names; none where it is in none.
std::optional<std::vector<Tid>> find_named(const Snapshot& snapshot, const Diagnosis& diagnosis,
                                           Tid tid) {
  const auto thread = std::ranges::lower_bound(snapshot.threads, tid, {}, &ThreadSnapshot::tid);
  if (thread == snapshot.threads.end() || thread->tid != tid) return {};
  const auto index = static_cast<ThreadIndex>(thread - snapshot.threads.begin());
  if (index >= diagnosis.threads.size() || !diagnosis.threads[index].kernel_wait) return {};
  return diagnosis.kernel_waits.at(*diagnosis.threads[index].kernel_wait).processes;
}

bool stays(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
           const ThreadRef& thread) {
  const ProcessView& process = processes[thread.process];
  const LaterLook& look = looks[thread.process];
  const ThreadSnapshot& captured = process.snapshot.threads[thread.thread];
  const ThreadLook* const first = find_thread(look.first, captured.tid);
  const ThreadLook* const second = find_thread(look.second, captured.tid);
  if (first == nullptr || second == nullptr) return false;
  if (!stood_still(captured.syscall, *first, *second)) return false;
  return find_named(process.snapshot, process.diagnosis, captured.tid) ==
         find_named(look.snapshot, look.diagnosis, captured.tid);
}

bool all_stay(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
              std::span<const ThreadRef> threads) {
  return std::ranges::all_of(
      threads, [&](const ThreadRef& thread) { return stays(processes, looks, thread); });
}

bool cycle_stays(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                 const CrossCycle& cycle) {
  // One that was not there before could act.
  const auto has_more_threads = [&](ProcessIndex i) {
    return looks[i].snapshot.threads.size() > processes[i].snapshot.threads.size();
  };
  return std::ranges::none_of(cycle.whole, has_more_threads) &&
         all_stay(processes, looks, find_threads(processes, cycle));
}

// From the latest first look to the earliest second one all of them stood still.
Confirmation confirm(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                     std::span<const ThreadRef> threads) {
  Confirmation confirmation{.looked_again = true, .counters_seen = true};
  std::chrono::nanoseconds begin{0};
  std::chrono::nanoseconds end = std::chrono::nanoseconds::max();
  for (const ThreadRef& thread : threads) {
    const LaterLook& look = looks[thread.process];
    begin = std::max(begin, look.first.monotonic);
    end = std::min(end, look.second.monotonic);
    const Tid tid = processes[thread.process].snapshot.threads[thread.thread].tid;
    for (const Look* one : {&look.first, &look.second}) {
      const ThreadLook* const found = find_thread(*one, tid);
      if (found == nullptr || !found->switches) confirmation.counters_seen = false;
    }
  }
  confirmation.gap = end - begin;
  return confirmation;
}

}  // namespace

std::vector<Tid> find_who_must_stand_still(std::span<const ProcessView> processes,
                                           const Across& across, ProcessIndex process) {
  std::set<Tid> tids;
  const auto add = [&](std::span<const ThreadRef> threads) {
    for (const ThreadRef& thread : threads) {
      if (thread.process != process) continue;
      tids.insert(processes[process].snapshot.threads[thread.thread].tid);
    }
  };
  for (const CrossCycle& cycle : across.cycles) add(find_threads(processes, cycle));
  for (const CrossRoot& root : across.roots) {
    add(root.waiters());
    add(root.victims);
  }
  return {tids.begin(), tids.end()};
}

bool nothing_moved(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                   const Across& across) {
  return std::ranges::all_of(
             across.cycles,
             [&](const CrossCycle& cycle) { return cycle_stays(processes, looks, cycle); }) &&
         std::ranges::all_of(across.roots, [&](const CrossRoot& root) {
           return all_stay(processes, looks, root.waiters());
         });
}

void confirm(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
             Across& across) {
  across.moved += std::erase_if(across.cycles, [&](const CrossCycle& cycle) {
    return !cycle_stays(processes, looks, cycle);
  });
  for (CrossCycle& cycle : across.cycles) {
    cycle.confirmation = confirm(processes, looks, find_threads(processes, cycle));
  }
  std::erase_if(across.roots,
                [&](const CrossRoot& root) { return !all_stay(processes, looks, root.waiters()); });
  for (CrossRoot& root : across.roots) {
    std::erase_if(root.victims,
                  [&](const ThreadRef& victim) { return !stays(processes, looks, victim); });
    root.confirmation = confirm(processes, looks, root.waiters());
  }
}

}  // namespace pstuck
