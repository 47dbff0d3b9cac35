#include "analyzers/root_ranking.h"

#include <algorithm>
#include <map>

#include "analyzers/resources.h"

// Who is behind a root blocker need not be free once it moves: a writer waits for all the readers
// of a rwlock, and only one of them is the end of the chain that its pile-up is counted to.
//
//     w1 w2 ──▶ [rw] read by r1 and r2     r1 reads from a socket, r2 from another one: two
//                                          victims of r2, of which it frees none alone
//     w3 ──▶ [m] held by r2                one more, which it does free
//
// So those who go on are found as in the wait graph's reduction, but from the root blocker alone:
// of the other threads only those go on by themselves that run. Every pile-up belongs to one root
// blocker, so one walk does this for all of them, each with its own pile-ups only. That can miss
// one who is freed on a way through another's pile-ups, and never counts one who is not.

namespace pstuck {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

class RootRanker {
 public:
  explicit RootRanker(const Diagnosis& diagnosis)
      : diagnosis_(diagnosis),
        pile_up_of_(diagnosis.resources.size(), kNone),
        root_of_(diagnosis.pile_ups.size(), kNone),
        freed_by_(diagnosis.threads.size(), kNone),
        parts_(diagnosis.threads.size()),
        left_(diagnosis.resources.size()) {}

  std::vector<RootBlocker> run() && {
    for (CycleIndex i = 0; i < diagnosis_.cycles.size(); ++i) roots_.push_back({.cycle = i});
    for (PileUpIndex i = 0; i < diagnosis_.pile_ups.size(); ++i) add_pile_up(i);
    for (std::size_t i = 0; i < roots_.size(); ++i) move(i);
    list_parts();
    for (std::size_t done = 0; done < going_.size(); ++done) do_parts(going_[done]);
    for (RootBlocker& root : roots_) std::ranges::sort(root.victims);
    std::ranges::stable_sort(roots_, std::ranges::greater{},
                             [](const RootBlocker& root) { return root.victims.size(); });
    return std::move(roots_);
  }

 private:
  void add_pile_up(PileUpIndex index) {
    const PileUp& pile_up = diagnosis_.pile_ups[index];
    pile_up_of_[pile_up.resource] = index;
    std::size_t root = pile_up.cycle.value_or(kNone);
    if (pile_up.end) {
      root = root_at_.try_emplace(*pile_up.end, roots_.size()).first->second;
      if (root == roots_.size()) roots_.push_back({.thread = pile_up.end});
    }
    root_of_[index] = root;
    if (root == kNone) return;
    roots_[root].pile_ups.push_back(index);
    for (const WaitIndex wait : pile_up.waits) {
      roots_[root].victims.push_back(diagnosis_.waits[wait].thread);
    }
  }

  void go_on(ThreadIndex thread, std::size_t root) {
    if (freed_by_[thread] != kNone) return;
    freed_by_[thread] = root;
    going_.push_back(thread);
  }

  void move(std::size_t root) {
    if (roots_[root].thread) go_on(*roots_[root].thread, root);
    if (!roots_[root].cycle) return;
    const Cycle& cycle = diagnosis_.cycles[*roots_[root].cycle];
    roots_[root].frees = cycle.waits.size();
    for (const WaitIndex wait : cycle.waits) go_on(diagnosis_.waits[wait].thread, root);
  }

  void list_parts() {
    for (const PileUp& pile_up : diagnosis_.pile_ups) {
      for (const ThreadIndex thread : find_who_must_act(diagnosis_.resources[pile_up.resource])) {
        const bool goes_on_by_itself =
            diagnosis_.threads[thread].activity == Activity::kRuns && freed_by_[thread] == kNone;
        if (goes_on_by_itself) continue;
        ++left_[pile_up.resource];
        parts_[thread].push_back(pile_up.resource);
      }
    }
  }

  void do_parts(ThreadIndex thread) {
    const std::size_t root = freed_by_[thread];
    for (const ResourceIndex resource : parts_[thread]) {
      const PileUpIndex pile_up = pile_up_of_[resource];
      if (root_of_[pile_up] != root || left_[resource] == 0) continue;
      const bool enough = diagnosis_.resources[resource].needs == Needs::kAny;
      left_[resource] = enough ? 0 : left_[resource] - 1;
      if (left_[resource] > 0) continue;
      const auto& waits = diagnosis_.pile_ups[pile_up].waits;
      roots_[root].frees += waits.size();
      for (const WaitIndex wait : waits) go_on(diagnosis_.waits[wait].thread, root);
    }
  }

  const Diagnosis& diagnosis_;
  std::vector<RootBlocker> roots_;
  std::map<ThreadIndex, std::size_t> root_at_;     // of those that are threads
  std::vector<PileUpIndex> pile_up_of_;            // by resource
  std::vector<std::size_t> root_of_;               // by pile-up
  std::vector<std::size_t> freed_by_;              // by thread
  std::vector<std::vector<ResourceIndex>> parts_;  // by thread
  std::vector<std::size_t> left_;                  // by resource: who has not acted yet
  std::vector<ThreadIndex> going_;
};

}  // namespace

std::vector<RootBlocker> rank_root_blockers(const Diagnosis& diagnosis) {
  return RootRanker(diagnosis).run();
}

}  // namespace pstuck
