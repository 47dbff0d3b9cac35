#include "analyzers/root_blockers.h"

#include <algorithm>

// Behind a slow holder the waits stack up in tiers: who waits may hold locks that others wait for.
//
//     a1 a2 a3 ──▶ [A] held by b1          victims of C: all 6 that wait
//               b1 b2 ──▶ [B] held by c1   root of all three: d, who sleeps on a disk
//                            c1 ──▶ [C] held by d
//
// Each pile-up has one blocker and so one next pile-up, or none; and no chain comes back to itself,
// since what does is a cycle, and the waits in cycles are in no pile-up. So the pile-ups are a
// forest. Going from the roots outwards gives every chain's end from the one next to it, and going
// the other way adds up the victims: each pile-up is touched twice, however long the chains are.

namespace pstuck {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

class ChainFollower {
 public:
  ChainFollower(const Diagnosis& diagnosis, std::vector<PileUp>& pile_ups)
      : diagnosis_(diagnosis),
        pile_ups_(pile_ups),
        pile_up_of_(diagnosis.resources.size(), kNone),
        cycle_of_(diagnosis.threads.size(), kNone) {
    for (PileUpIndex i = 0; i < pile_ups.size(); ++i) pile_up_of_[pile_ups[i].resource] = i;
    for (CycleIndex i = 0; i < diagnosis.cycles.size(); ++i) {
      for (const WaitIndex wait : diagnosis.cycles[i].waits) {
        cycle_of_[diagnosis.waits[wait].thread] = i;
      }
    }
  }

  void run() {
    for (PileUp& pile_up : pile_ups_) find_next(pile_up);
    const auto order = order_from_the_roots(pile_ups_);
    for (const PileUpIndex i : order) take_over_end(pile_ups_[i]);
    std::for_each(order.rbegin(), order.rend(), [&](PileUpIndex i) { count_victims(i); });
  }

 private:
  void find_next(PileUp& pile_up) const {
    const auto& blocker = diagnosis_.resources[pile_up.resource].blocker;
    pile_up.victims = pile_up.waits.size();
    if (!blocker) return;
    const ThreadIndex thread = *blocker;
    pile_up.end = thread;
    const auto& wait = diagnosis_.threads[thread].wait;
    if (cycle_of_[thread] != kNone) {
      pile_up.end.reset();
      pile_up.cycle = cycle_of_[thread];
    } else if (wait) {
      pile_up.next = pile_up_of_[diagnosis_.waits[*wait].resource];
    } else {
      pile_up.root = thread;
    }
  }

  void take_over_end(PileUp& pile_up) const {
    pile_up.hops = 1;
    if (!pile_up.next) return;
    const PileUp& next = pile_ups_[*pile_up.next];
    pile_up.cycle = next.cycle;
    pile_up.root = next.root;
    if (next.end || next.cycle) pile_up.end = next.end;
    pile_up.hops += next.hops;
  }

  void count_victims(PileUpIndex i) {
    if (pile_ups_[i].next) pile_ups_[*pile_ups_[i].next].victims += pile_ups_[i].victims;
  }

  const Diagnosis& diagnosis_;
  std::vector<PileUp>& pile_ups_;
  std::vector<PileUpIndex> pile_up_of_;  // by resource
  std::vector<CycleIndex> cycle_of_;     // by thread
};

}  // namespace

std::vector<PileUpIndex> order_from_the_roots(const std::vector<PileUp>& pile_ups) {
  std::vector<std::vector<PileUpIndex>> behind(pile_ups.size());
  std::vector<PileUpIndex> order;
  for (PileUpIndex i = 0; i < pile_ups.size(); ++i) {
    if (pile_ups[i].next) {
      behind[*pile_ups[i].next].push_back(i);
    } else {
      order.push_back(i);
    }
  }
  for (std::size_t done = 0; done < order.size(); ++done) {
    const auto& next = behind[order[done]];
    order.insert(order.end(), next.begin(), next.end());
  }
  return order;
}

void find_root_blockers(const Diagnosis& diagnosis, std::vector<PileUp>& pile_ups) {
  ChainFollower(diagnosis, pile_ups).run();
}

}  // namespace pstuck
