#include "analyzers/join.h"

#include <algorithm>
#include <map>
#include <set>

#include "analyzers/cross_roots.h"
#include "analyzers/signals.h"

// Each process's threads and locks are vertices as in its own graph. What joins them are two more
// kinds: a process, which acts when any of its threads does, since any may write to its pipes and
// end it; and a wait in the kernel, which names processes.
//
//     parent ──wait4──▶ (child P) ──any──▶ child's threads ──write──▶ (pipe: P of the parent)
//        ▲                                                                   │ any
//        └───────────────────────────────────────────────────────────────────┘
//
// A lock that processes share records the very thread that has it: that is one edge more, from the
// lock in the one process to the thread in the other.
//
// Whatever is not known makes an end from which all can go on: a process that was not looked at, a
// wait with a time limit, descriptors of processes that could not be read. A process that waits for
// itself alone, as in a read of a pipe that nobody else writes to, or that waits for events, may
// have a signal handler that acts; it counts only where it has none. A service that reads a FIFO or
// a message queue waits for whoever comes to write.

namespace pstuck {
namespace {

using Vertex = WaitForGraph::Vertex;

bool is_known_to_the_last(const Snapshot& snapshot, const KernelWait& wait) {
  const bool is_child = wait.subject.act == CallAct::kChild || wait.subject.act == CallAct::kVfork;
  // One holder that never gives up is enough where all must.
  return is_child || wait.needs == Needs::kAll || !snapshot.kernel.some_not_seen;
}

class Joiner {
 public:
  explicit Joiner(std::span<const ProcessView> processes) : processes_(processes) {
    for (ProcessIndex i = 0; i < processes.size(); ++i) {
      const Snapshot& snapshot = processes[i].snapshot;
      if (snapshot.kind == TargetKind::kLive) index_of_.emplace(snapshot.process.pid, i);
    }
  }

  Across run() && {
    for (const ProcessView& process : processes_) {
      joined_.vertices.push_back(add_process(process.diagnosis, joined_.graph));
    }
    for (ProcessIndex i = 0; i < processes_.size(); ++i) add_process_vertex(i);
    joined_.elsewhere = joined_.graph.add_vertex();
    for (ProcessIndex i = 0; i < processes_.size(); ++i) {
      add_shared_locks(i);
      add_kernel_waits(i);
    }
    std::ranges::sort(across_.waits, {}, &CrossWait::waiter);
    joined_.graph.reduce();
    find_cycles();
    across_.roots = find_cross_roots(joined_, processes_);
    return std::move(across_);
  }

 private:
  void add_process_vertex(ProcessIndex process) {
    joined_.process_vertices.push_back(joined_.graph.add_vertex(Needs::kAny));
    const auto& threads = processes_[process].diagnosis.threads;
    for (ThreadIndex thread = 0; thread < threads.size(); ++thread) {
      if (threads[thread].activity == Activity::kEnded) continue;
      joined_.graph.add_edge(joined_.process_vertices.back(),
                             joined_.vertices[process].of_thread(thread));
    }
  }

  [[nodiscard]] std::optional<ThreadRef> find_owner(const Resource& resource) const {
    const auto& task = resource.holder.elsewhere;
    if (resource.holder.fate != OwnerFate::kOtherProcess || !task) return {};
    const auto process = index_of_.find(task->process);
    if (process == index_of_.end()) return {};
    const auto& threads = processes_[process->second].snapshot.threads;
    const auto thread = std::ranges::lower_bound(threads, task->tid, {}, &ThreadSnapshot::tid);
    if (thread == threads.end() || thread->tid != task->tid) return {};
    return ThreadRef{process->second, static_cast<ThreadIndex>(thread - threads.begin())};
  }

  void add_shared_locks(ProcessIndex process) {
    const Diagnosis& diagnosis = processes_[process].diagnosis;
    std::map<ResourceIndex, ThreadRef> owners;
    for (ResourceIndex i = 0; i < diagnosis.resources.size(); ++i) {
      const auto owner = find_owner(diagnosis.resources[i]);
      if (!owner) continue;
      owners.emplace(i, *owner);
      joined_.graph.add_edge(joined_.vertices[process].of_resource(i), joined_.vertex_of(*owner));
    }
    for (const Wait& wait : diagnosis.waits) {
      const auto owner = owners.find(wait.resource);
      if (owner == owners.end()) continue;
      across_.waits.push_back({.waiter = {process, wait.thread}, .owner = owner->second});
    }
  }

  // Handlers can do what others wait for: of a process that waits for itself alone, and of one that
  // waits for events, for which signals are just more of these. And who reads a FIFO, of which
  // somebody has the other end open so that it sees no end of it, waits for whoever comes.
  [[nodiscard]] bool may_go_on_alone(ProcessIndex process, const KernelWait& wait) const {
    const Process& facts = processes_[process].snapshot.process;
    const CallAct act = wait.subject.act;
    const bool for_events =
        act == CallAct::kPoll || act == CallAct::kSelect || act == CallAct::kEpoll;
    const bool waits_for_itself =
        std::ranges::all_of(wait.processes, [&](Tid pid) { return pid == facts.pid; });
    if (wait.others_may_come && act != CallAct::kWrite) return true;
    return (waits_for_itself || for_events) && handles_signals_from_outside(facts);
  }

  void add_kernel_waits(ProcessIndex process) {
    const ProcessView& view = processes_[process];
    for (const KernelWait& wait : view.diagnosis.kernel_waits) {
      // The second look at the process alone may have found that the thread is not in it any more.
      if (!view.diagnosis.threads[wait.thread].kernel_wait || wait.processes.empty()) continue;
      CrossWait cross{
          .waiter = {process, wait.thread}, .needs = wait.needs, .processes = wait.processes};
      cross.can_only_end_so = is_known_to_the_last(view.snapshot, wait) && !wait.deadline &&
                              !may_go_on_alone(process, wait);
      const Vertex vertex = joined_.graph.add_vertex(wait.needs);
      for (const Tid pid : wait.processes) {
        const auto known = index_of_.find(pid);
        const bool is_known = known != index_of_.end();
        joined_.graph.add_edge(
            vertex, is_known ? joined_.process_vertices[known->second] : joined_.elsewhere);
      }
      if (cross.can_only_end_so) joined_.graph.add_edge(joined_.vertex_of(cross.waiter), vertex);
      across_.waits.push_back(std::move(cross));
    }
  }

  // A knot that has no vertex but threads and resources of one process is that process's own.
  [[nodiscard]] bool is_of_one_process(const std::vector<Vertex>& knot) const {
    if (knot.back() >= joined_.process_vertices.front()) return false;
    const auto next = std::ranges::upper_bound(joined_.vertices, knot.front(), {},
                                               &ProcessVertices::first_thread);
    return next == joined_.vertices.end() || knot.back() < next->first_thread;
  }

  void find_cycles() {
    const auto knots = find_knots(joined_.graph);
    std::set<Vertex> in_knots;
    for (const auto& knot : knots) in_knots.insert(knot.begin(), knot.end());
    for (const auto& knot : knots) {
      if (is_of_one_process(knot)) continue;
      across_.cycles.push_back(to_cycle(knot));
      add_stuck_behind(knot, in_knots, across_.cycles.back());
    }
    std::ranges::stable_sort(across_.cycles, std::ranges::greater(), [](const CrossCycle& cycle) {
      return cycle.members.size() + cycle.stuck_behind.size();
    });
  }

  // The members that one member waits for, through vertices of the knot that are no threads.
  [[nodiscard]] std::set<ThreadRef> find_next(const std::vector<Vertex>& knot,
                                              const ThreadRef& from) const {
    std::set<ThreadRef> next;
    std::set<Vertex> seen;
    std::vector<Vertex> open(1, joined_.vertex_of(from));
    while (!open.empty()) {
      const Vertex vertex = open.back();
      open.pop_back();
      for (const Vertex to : joined_.graph.waits_for(vertex)) {
        if (!std::ranges::binary_search(knot, to) || !seen.insert(to).second) continue;
        const auto member = joined_.member_of(to);
        if (member) {
          next.insert(*member);
        } else {
          open.push_back(to);
        }
      }
    }
    return next;
  }

  [[nodiscard]] CrossCycle to_cycle(const std::vector<Vertex>& knot) const {
    CrossCycle cycle;
    std::map<ThreadRef, std::set<ThreadRef>> next;
    for (const Vertex vertex : knot) {
      const auto member = joined_.member_of(vertex);
      if (member) next.emplace(*member, find_next(knot, *member));
    }
    cycle.ring =
        std::ranges::all_of(next, [](const auto& item) { return item.second.size() == 1; });
    ThreadRef along_the_ring = next.begin()->first;
    for (const auto& [member, unused] : next) {
      const ThreadRef at = cycle.ring ? along_the_ring : member;
      along_the_ring = *next.at(at).begin();
      cycle.members.push_back(at);
      cycle.waits_for.push_back(along_the_ring);
    }
    add_evidence(cycle);
    for (ProcessIndex i = 0; i < joined_.process_vertices.size(); ++i) {
      if (std::ranges::binary_search(knot, joined_.process_vertices[i])) cycle.whole.push_back(i);
    }
    return cycle;
  }

  void add_evidence(CrossCycle& cycle) const {
    bool since_known = true;
    for (const ThreadRef& member : cycle.members) {
      const ProcessView& view = processes_[member.process];
      const Process& facts = view.snapshot.process;
      const auto& slept = view.snapshot.threads[member.thread].not_run_for;
      since_known = since_known && slept;
      if (slept) cycle.since = cycle.since ? std::min(*cycle.since, *slept) : *slept;
      const ThreadStatus& status = view.diagnosis.threads[member.thread];
      if (status.wait) {
        const Wait& wait = view.diagnosis.waits[*status.wait];
        const Resource& lock = view.diagnosis.resources[wait.resource];
        cycle.evidence = std::max(cycle.evidence, lock.holder.evidence == Evidence::kRecorded
                                                      ? Evidence::kRecorded
                                                      : Evidence::kInferred);
        if (wait.deadline && wait.deadline->remaining) {
          const auto left = std::max(*wait.deadline->remaining, std::chrono::nanoseconds(0));
          cycle.ends_by_itself =
              cycle.ends_by_itself ? std::min(*cycle.ends_by_itself, left) : left;
        }
      } else if (status.kernel_wait) {
        const KernelWait& wait = view.diagnosis.kernel_waits[*status.kernel_wait];
        const CallAct act = wait.subject.act;
        const bool for_child = act == CallAct::kChild || act == CallAct::kVfork;
        const bool may_wake =
            handles_timers(facts) || (handles_ends_of_children(facts) && !for_child);
        if (may_wake || wait.likely || wait.others_may_come) cycle.evidence = Evidence::kInferred;
      }
    }
    if (!since_known) cycle.since.reset();
  }

  void add_stuck_behind(const std::vector<Vertex>& knot, const std::set<Vertex>& in_knots,
                        CrossCycle& cycle) {
    if (awaited_by_.empty()) {
      awaited_by_.resize(joined_.graph.size());
      for (Vertex vertex = 0; vertex < joined_.graph.size(); ++vertex) {
        for (const Vertex to : joined_.graph.waits_for(vertex)) awaited_by_[to].push_back(vertex);
      }
    }
    std::vector<Vertex> open(knot.begin(), knot.end());
    while (!open.empty()) {
      const Vertex vertex = open.back();
      open.pop_back();
      for (const Vertex waiter : awaited_by_[vertex]) {
        if (!joined_.graph.is_stuck(waiter) || in_knots.contains(waiter)) continue;
        if (!behind_.insert(waiter).second) continue;
        open.push_back(waiter);
        if (const auto member = joined_.member_of(waiter)) cycle.stuck_behind.push_back(*member);
      }
    }
    std::ranges::sort(cycle.stuck_behind);
  }

  std::span<const ProcessView> processes_;
  std::map<Tid, ProcessIndex> index_of_;
  JoinedGraph joined_;
  std::vector<std::vector<Vertex>> awaited_by_;
  std::set<Vertex> behind_;  // of some cycle
  Across across_;
};

}  // namespace

Across join(std::span<const ProcessView> processes) {
  if (processes.empty()) return {};
  return Joiner(processes).run();
}

std::vector<Tid> find_processes_to_follow(const ProcessView& process) {
  std::set<Tid> pids;
  for (const KernelWait& wait : process.diagnosis.kernel_waits) {
    pids.insert(wait.processes.begin(), wait.processes.end());
  }
  for (const Resource& resource : process.diagnosis.resources) {
    const auto& task = resource.holder.elsewhere;
    if (resource.holder.fate == OwnerFate::kOtherProcess && task) pids.insert(task->process);
  }
  pids.erase(process.snapshot.process.pid);
  return {pids.begin(), pids.end()};
}

}  // namespace pstuck
