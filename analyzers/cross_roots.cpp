// Who must move first, where one process waits for another and that one for a third:
//
//     front ──recv──▶ (app) ──any──▶ a thread of app ──lock──▶ its owner ──recv──▶ (db) ──any──▶ …
//                                    others of app ──join──▶ …
//
// Each vertex that can go on knows who let it go on, in the end: so a chain is followed from vertex
// to vertex. A process goes on with any of its threads, and a parent with any of its children; the
// graph tells only the first of these. Who has to act is known where all of them wait for the same
// end. Else the chain ends there: with the process, or with nobody who could be named.

#include "analyzers/cross_roots.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace pstuck {
namespace {

using Vertex = JoinedGraph::Vertex;

// From one process to a second and a third: of two the waiter's own report tells.
constexpr std::size_t kFewestHops = 2;

constexpr std::size_t kDeepest = 1000;  // forks in one chain

// One that only leads back is looked at each time that it is come to.
constexpr std::size_t kMostForks = 1 << 20;

/// From a vertex to where the waits that begin there end.
struct Way {
  std::optional<Vertex> end;            ///< none: it comes back to a vertex that is being followed
  std::size_t hops = 0;                 ///< from process to process
  std::optional<ProcessIndex> process;  ///< that the vertex, or the next one that has one, is of
};

class RootFinder {
 public:
  RootFinder(const JoinedGraph& joined, std::span<const ProcessView> processes)
      : joined_(joined), processes_(processes) {}

  Way find_way(Vertex from, std::size_t depth = 0) {
    std::vector<Vertex> trail;
    Way way;
    for (Vertex vertex = from;; vertex = *joined_.graph.let_go_by(vertex)) {
      if (const auto known = ways_.find(vertex); known != ways_.end()) {
        way = known->second;
        break;
      }
      if (joined_.graph.needs(vertex) == Needs::kAny) {
        way = find_way_of_any(vertex, depth);
        break;
      }
      trail.push_back(vertex);
      if (joined_.graph.let_go_by(vertex)) continue;
      way = {.end = vertex};
      break;
    }
    for (auto vertex = trail.rbegin(); vertex != trail.rend(); ++vertex) {
      if (const auto member = joined_.member_of(*vertex)) step_back(member->process, way);
      if (way.end) ways_.emplace(*vertex, way);
    }
    return way;
  }

  /// The threads on the way to the end, both with it where it is one.
  [[nodiscard]] std::vector<ThreadRef> find_path(Vertex from, Vertex end) const {
    std::vector<ThreadRef> path;
    for (std::optional<Vertex> vertex = from; vertex; vertex = joined_.graph.let_go_by(*vertex)) {
      if (const auto member = joined_.member_of(*vertex)) path.push_back(*member);
      if (*vertex == end) break;
    }
    return path;
  }

  [[nodiscard]] bool is_idle(const ThreadRef& thread) const {
    return is_idle(processes_[thread.process].diagnosis.threads[thread.thread]);
  }

  [[nodiscard]] bool is_idle(ProcessIndex process) const {
    const auto& threads = processes_[process].diagnosis.threads;
    return std::ranges::all_of(threads, [](const ThreadStatus& thread) { return is_idle(thread); });
  }

 private:
  static bool is_idle(const ThreadStatus& thread) {
    return thread.activity == Activity::kIdle || thread.activity == Activity::kEnded;
  }

  static void step_back(ProcessIndex to, Way& way) {
    if (way.process && *way.process != to) ++way.hops;
    way.process = to;
  }

  Way find_way_of_any(Vertex vertex, std::size_t depth) {
    const Way to_itself{.end = vertex, .process = joined_.process_of(vertex)};
    if (depth > kDeepest || ++forks_ > kMostForks) return to_itself;
    if (joined_.graph.waits_for(vertex).empty()) return to_itself;
    ways_[vertex] = {};
    std::optional<Way> common;
    for (const Vertex one : joined_.graph.waits_for(vertex)) {
      const Way way = joined_.graph.is_stuck(one) ? Way{} : find_way(one, depth + 1);
      if (!way.end) continue;
      if (common && common->end != way.end) {
        common = to_itself;
        break;
      }
      if (!common || one == joined_.graph.let_go_by(vertex)) common = way;
    }
    if (common) return ways_[vertex] = *common;
    ways_.erase(vertex);
    return {};
  }

  const JoinedGraph& joined_;
  std::span<const ProcessView> processes_;
  std::unordered_map<Vertex, Way> ways_;
  std::size_t forks_ = 0;  // looked at
};

/// None for an end that is idle, or not known.
std::optional<CrossRoot> make_root(const RootFinder& finder, const JoinedGraph& joined,
                                   Vertex end) {
  if (const auto member = joined.member_of(end)) {
    if (finder.is_idle(*member)) return {};
    return CrossRoot{.process = member->process, .thread = member->thread};
  }
  const auto process = joined.process_of(end);
  if (!process || finder.is_idle(*process)) return {};
  return CrossRoot{.process = *process};
}

}  // namespace

std::vector<CrossRoot> find_cross_roots(const JoinedGraph& joined,
                                        std::span<const ProcessView> processes) {
  RootFinder finder(joined, processes);
  std::map<Vertex, std::optional<CrossRoot>> by_end;
  for (ProcessIndex process = 0; process < processes.size(); ++process) {
    for (ThreadIndex i = 0; i < processes[process].diagnosis.threads.size(); ++i) {
      const ThreadRef thread{process, i};
      const Vertex from = joined.vertex_of(thread);
      if (joined.graph.is_stuck(from) || !joined.graph.let_go_by(from)) continue;
      const Way way = finder.find_way(from);
      if (!way.end) continue;
      const auto [found, is_new] = by_end.try_emplace(*way.end);
      if (is_new) found->second = make_root(finder, joined, *way.end);
      if (!found->second) continue;
      CrossRoot& root = *found->second;
      root.victims.push_back(thread);
      if (way.hops <= root.hops) continue;
      root.hops = way.hops;
      root.path = {thread};
    }
  }
  std::vector<CrossRoot> roots;
  for (auto& [end, root] : by_end) {
    if (!root || root->hops < kFewestHops) continue;
    root->path = finder.find_path(joined.vertex_of(root->path.front()), end);
    roots.push_back(*std::move(root));
  }
  std::ranges::stable_sort(roots, std::ranges::greater(),
                           [](const CrossRoot& root) { return root.victims.size(); });
  return roots;
}

}  // namespace pstuck
