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

// The threads of one process that one cycle rests on.
std::vector<ThreadIndex> find_threads(std::span<const ProcessView> processes,
                                      const CrossCycle& cycle, ProcessIndex process) {
  std::set<ThreadIndex> threads;
  for (const ThreadRef& member : cycle.members) {
    if (member.process == process) threads.insert(member.thread);
  }
  if (std::ranges::binary_search(cycle.whole, process)) {
    const auto& all = processes[process].diagnosis.threads;
    for (ThreadIndex thread = 0; thread < all.size(); ++thread) {
      if (all[thread].activity != Activity::kEnded) threads.insert(thread);
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

bool thread_stays(const ProcessView& process, const LaterLook& look, ThreadIndex thread) {
  const ThreadSnapshot& captured = process.snapshot.threads[thread];
  const ThreadLook* const first = find_thread(look.first, captured.tid);
  const ThreadLook* const second = find_thread(look.second, captured.tid);
  if (first == nullptr || second == nullptr) return false;
  if (!stood_still(captured.syscall, *first, *second)) return false;
  return find_named(process.snapshot, process.diagnosis, captured.tid) ==
         find_named(look.snapshot, look.diagnosis, captured.tid);
}

bool cycle_stays(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                 const CrossCycle& cycle) {
  for (ProcessIndex i = 0; i < processes.size(); ++i) {
    for (const ThreadIndex thread : find_threads(processes, cycle, i)) {
      if (!thread_stays(processes[i], looks[i], thread)) return false;
    }
    // One that was not there before could act.
    const bool whole = std::ranges::binary_search(cycle.whole, i);
    if (whole && looks[i].snapshot.threads.size() > processes[i].snapshot.threads.size()) {
      return false;
    }
  }
  return true;
}

bool counters_seen(std::span<const LaterLook> looks, const CrossCycle& cycle,
                   std::span<const ProcessView> processes) {
  for (ProcessIndex i = 0; i < processes.size(); ++i) {
    for (const ThreadIndex thread : find_threads(processes, cycle, i)) {
      const Tid tid = processes[i].snapshot.threads[thread].tid;
      for (const Look* look : {&looks[i].first, &looks[i].second}) {
        const ThreadLook* const found = find_thread(*look, tid);
        if (found == nullptr || !found->switches) return false;
      }
    }
  }
  return true;
}

// From the latest first look to the earliest second one all of them stood still.
std::chrono::nanoseconds find_gap(std::span<const LaterLook> looks, const CrossCycle& cycle) {
  std::chrono::nanoseconds begin{0};
  std::chrono::nanoseconds end = std::chrono::nanoseconds::max();
  for (const ThreadRef& member : cycle.members) {
    begin = std::max(begin, looks[member.process].first.monotonic);
    end = std::min(end, looks[member.process].second.monotonic);
  }
  return end - begin;
}

}  // namespace

std::vector<Tid> find_who_must_stand_still(std::span<const ProcessView> processes,
                                           const Across& across, ProcessIndex process) {
  std::set<Tid> tids;
  for (const CrossCycle& cycle : across.cycles) {
    for (const ThreadIndex thread : find_threads(processes, cycle, process)) {
      tids.insert(processes[process].snapshot.threads[thread].tid);
    }
  }
  return {tids.begin(), tids.end()};
}

bool nothing_moved(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                   const Across& across) {
  return std::ranges::all_of(
      across.cycles, [&](const CrossCycle& cycle) { return cycle_stays(processes, looks, cycle); });
}

void confirm(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
             Across& across) {
  across.moved += std::erase_if(across.cycles, [&](const CrossCycle& cycle) {
    return !cycle_stays(processes, looks, cycle);
  });
  for (CrossCycle& cycle : across.cycles) {
    cycle.confirmation = {.looked_again = true,
                          .counters_seen = counters_seen(looks, cycle, processes),
                          .gap = find_gap(looks, cycle)};
  }
}

}  // namespace pstuck
