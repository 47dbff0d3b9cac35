// Locks that have several holders: who can never go on, and which threads a deadlock is.

#include "analyzers/wait_graph.h"

#include <gtest/gtest.h>

#include <random>

#include "analyzers/conclusions.h"
#include "tests/support/diagnosis_invariants.h"

namespace pstuck {
namespace {

constexpr bool kComplete = true;

/// Threads and what they wait for, without a target behind them.
class Graph {
 public:
  explicit Graph(std::size_t threads) {
    diagnosis_.threads.resize(threads);
    snapshot_.threads.resize(threads);
  }

  ResourceIndex lock(Needs needs, std::initializer_list<ThreadIndex> partners,
                     bool complete = kComplete) {
    Resource resource{.kind = ResourceKind::kSemaphore,
                      .address = Address{0x1000 + 0x100 * diagnosis_.resources.size()},
                      .partners_complete = complete,
                      .needs = needs};
    for (const ThreadIndex thread : partners) resource.partners.push_back({.thread = thread});
    diagnosis_.resources.push_back(std::move(resource));
    return diagnosis_.resources.size() - 1;
  }

  ResourceIndex mutex(ThreadIndex owner) {
    diagnosis_.resources.push_back(
        {.kind = ResourceKind::kSemaphore,
         .address = Address{0x1000 + 0x100 * diagnosis_.resources.size()},
         .holder = {.evidence = Evidence::kRecorded, .fate = OwnerFate::kThread, .thread = owner}});
    return diagnosis_.resources.size() - 1;
  }

  /// Whoever notifies it is recorded nowhere.
  ResourceIndex condition() {
    diagnosis_.resources.push_back(
        {.kind = ResourceKind::kCondition,
         .address = Address{0x1000 + 0x100 * diagnosis_.resources.size()}});
    return diagnosis_.resources.size() - 1;
  }

  void asleep_for(ThreadIndex thread, std::chrono::seconds time) {
    snapshot_.threads[thread].not_run_for = time;
  }

  void handles_signal(int signal) {
    snapshot_.process.caught_signals |= std::uint64_t{1} << (signal - 1);
  }

  [[nodiscard]] Diagnosis& facts() { return diagnosis_; }

  /// In the order of the threads.
  void waits(ThreadIndex thread, ResourceIndex resource) {
    diagnosis_.threads[thread].wait = diagnosis_.waits.size();
    diagnosis_.threads[thread].activity = Activity::kWaits;
    diagnosis_.waits.push_back({.thread = thread, .resource = resource});
  }

  const Diagnosis& conclude() {
    draw_conclusions(snapshot_, diagnosis_);
    EXPECT_EQ(testing::DiagnosisInvariants(snapshot_, diagnosis_).find_broken(), "");
    return diagnosis_;
  }

  [[nodiscard]] std::vector<ThreadIndex> deadlocked() const {
    std::vector<ThreadIndex> threads;
    for (const Cycle& cycle : diagnosis_.cycles) {
      for (const WaitIndex wait : cycle.waits) threads.push_back(diagnosis_.waits[wait].thread);
    }
    return threads;
  }

  [[nodiscard]] const Diagnosis& diagnosis() const { return diagnosis_; }

 private:
  Snapshot snapshot_;
  Diagnosis diagnosis_;
};

using Threads = std::vector<ThreadIndex>;

// 0 ──wants──▶ [rw] read by 1 and 2     1 ──wants──▶ [m] held by 0     2 works
TEST(WaitGraph, AWriterIsStuckWhenOneReaderIs) {
  Graph graph(3);
  const ResourceIndex rwlock = graph.lock(Needs::kAll, {1, 2});
  const ResourceIndex mutex = graph.mutex(0);
  graph.waits(0, rwlock);
  graph.waits(1, mutex);
  const Diagnosis& diagnosis = graph.conclude();
  EXPECT_EQ(graph.deadlocked(), (Threads{0, 1}));
  EXPECT_TRUE(diagnosis.cycles[0].ring);
  EXPECT_EQ(diagnosis.resources[rwlock].blocker, 1U);
}

// The same with a semaphore of two units: thread 2 will give its one back.
TEST(WaitGraph, OneFreeHolderOfASemaphoreIsEnough) {
  Graph graph(3);
  const ResourceIndex semaphore = graph.lock(Needs::kAny, {1, 2});
  const ResourceIndex mutex = graph.mutex(0);
  graph.waits(0, semaphore);
  graph.waits(1, mutex);
  EXPECT_TRUE(graph.conclude().cycles.empty());
  EXPECT_EQ(graph.diagnosis().resources[semaphore].blocker, 2U);
  EXPECT_EQ(graph.diagnosis().pile_ups.at(0).root, 2U);
}

TEST(WaitGraph, ASemaphoreWhoseHoldersAllWantMoreIsADeadlock) {
  Graph graph(4);
  const ResourceIndex pool = graph.lock(Needs::kAny, {0, 1, 2});
  for (ThreadIndex thread = 0; thread < 4; ++thread) graph.waits(thread, pool);
  const Diagnosis& diagnosis = graph.conclude();
  EXPECT_EQ(graph.deadlocked(), (Threads{0, 1, 2}));
  EXPECT_FALSE(diagnosis.cycles[0].ring);
  EXPECT_EQ(diagnosis.findings.at(0).stuck_behind, (Threads{3}));
}

TEST(WaitGraph, TwoReadersThatBothWantToWrite) {
  Graph graph(2);
  const ResourceIndex rwlock = graph.lock(Needs::kAll, {0, 1});
  graph.waits(0, rwlock);
  graph.waits(1, rwlock);
  graph.conclude();
  EXPECT_EQ(graph.deadlocked(), (Threads{0, 1}));
}

TEST(WaitGraph, OneReaderThatWantsToWriteWaitsForItself) {
  Graph graph(2);
  graph.waits(0, graph.lock(Needs::kAll, {0, 1}));
  graph.conclude();
  EXPECT_EQ(graph.deadlocked(), (Threads{0}));
}

// Whoever else could act is not known, so nothing is concluded.
TEST(WaitGraph, PartnersThatAreNotAllMakeNoEdge) {
  Graph graph(2);
  const ResourceIndex condition = graph.lock(Needs::kAny, {1}, !kComplete);
  const ResourceIndex mutex = graph.mutex(0);
  graph.waits(0, condition);
  graph.waits(1, mutex);
  EXPECT_TRUE(graph.conclude().cycles.empty());
  EXPECT_FALSE(graph.diagnosis().resources[condition].blocker);
}

// 0 waits for any of 1 and 2; 1 ⇄ 3 and 2 ⇄ 4 are deadlocks of their own.
TEST(WaitGraph, BehindTwoDeadlocksIsBehindOne) {
  Graph graph(5);
  const ResourceIndex pool = graph.lock(Needs::kAny, {1, 2});
  graph.waits(0, pool);
  graph.waits(1, graph.mutex(3));
  graph.waits(2, graph.mutex(4));
  graph.waits(3, graph.mutex(1));
  graph.waits(4, graph.mutex(2));
  const Diagnosis& diagnosis = graph.conclude();
  EXPECT_EQ(diagnosis.cycles.size(), 2U);
  EXPECT_EQ(diagnosis.pile_ups.at(0).cycle, 0U);
}

// 0 ──▶ [A] held by 1 ──▶ notification        2 works
Graph holder_that_waits_for_an_event(std::chrono::seconds time) {
  Graph graph(3);
  graph.waits(0, graph.mutex(1));
  graph.waits(1, graph.condition());
  graph.asleep_for(1, time);
  graph.conclude();
  return graph;
}

TEST(StalledHolder, WaitsForAnEventWhileOthersWaitForItsLock) {
  const Graph stalled = holder_that_waits_for_an_event(std::chrono::seconds(10));
  ASSERT_EQ(stalled.diagnosis().findings.size(), 1U);
  EXPECT_EQ(stalled.diagnosis().findings[0].kind, FindingKind::kStalledHolder);
  EXPECT_EQ(stalled.diagnosis().findings[0].stuck_behind, (Threads{0}));
  const Graph waiting = holder_that_waits_for_an_event(std::chrono::seconds(9));
  EXPECT_TRUE(waiting.diagnosis().findings.empty());
}

// 0 and 1 wait for notifications.
Graph two_that_wait_for_events() {
  Graph graph(2);
  graph.waits(0, graph.condition());
  graph.waits(1, graph.condition());
  return graph;
}

TEST(AllAsleep, IsAFindingWhenNobodyIsLeft) {
  Graph graph = two_that_wait_for_events();
  graph.handles_signal(11);  // a crash handler wakes nobody
  graph.conclude();
  ASSERT_EQ(graph.diagnosis().findings.size(), 1U);
  EXPECT_EQ(graph.diagnosis().findings[0].kind, FindingKind::kAllAsleep);
  EXPECT_EQ(graph.diagnosis().findings[0].stuck_behind, (Threads{0, 1}));
}

TEST(AllAsleep, IsNoneWhereSomethingFromOutsideCanWakeOne) {
  Graph handler = two_that_wait_for_events();
  handler.handles_signal(15);
  EXPECT_TRUE(handler.conclude().findings.empty());
  Graph shared = two_that_wait_for_events();
  shared.facts().resources[1].process_shared = true;
  EXPECT_TRUE(shared.conclude().findings.empty());
  Graph timed = two_that_wait_for_events();
  timed.facts().waits[0].deadline = Deadline{};
  EXPECT_TRUE(timed.conclude().findings.empty());
  Graph moving = two_that_wait_for_events();
  moving.facts().resources[0].holder.fate = OwnerFate::kInTransition;
  EXPECT_TRUE(moving.conclude().findings.empty());
}

TEST(AllAsleep, IsNoneWhileOneThreadDoesAnythingElse) {
  for (const Activity activity : {Activity::kFutex, Activity::kIdle, Activity::kRuns,
                                  Activity::kBlocked, Activity::kUnknown, Activity::kStopped}) {
    Graph graph = two_that_wait_for_events();
    graph.facts().waits.pop_back();
    graph.facts().threads[1] = {};
    graph.facts().threads[1].activity = activity;
    graph.facts().resources.pop_back();
    EXPECT_TRUE(graph.conclude().findings.empty());
  }
}

// By trying: who may go on, over and over, until nothing changes.
std::vector<bool> brute_force_stuck(const Diagnosis& diagnosis) {
  std::vector<bool> goes_on(diagnosis.threads.size());
  for (std::size_t round = 0; round <= goes_on.size(); ++round) {
    for (ThreadIndex thread = 0; thread < goes_on.size(); ++thread) {
      const auto& wait = diagnosis.threads[thread].wait;
      if (!wait) {
        goes_on[thread] = true;
        continue;
      }
      const Resource& resource = diagnosis.resources[diagnosis.waits[*wait].resource];
      const auto acts = [&](const Partner& partner) { return bool{goes_on[partner.thread]}; };
      const bool enough = resource.needs == Needs::kAll
                              ? std::ranges::all_of(resource.partners, acts)
                              : std::ranges::any_of(resource.partners, acts);
      if (!resource.partners_complete || enough) goes_on[thread] = true;
    }
  }
  goes_on.flip();
  return goes_on;
}

TEST(WaitGraph, AgreesWithBruteForceOnRandomGraphs) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t threads = 1 + static_cast<std::size_t>(round) % 12;
    Graph graph(threads);
    std::uniform_int_distribution<ThreadIndex> pick(0, threads - 1);
    std::bernoulli_distribution coin;
    for (ThreadIndex thread = 0; thread < threads; ++thread) {
      if (pick(random) == 0 && threads > 2) continue;
      const ThreadIndex a = pick(random);
      const ThreadIndex b = pick(random);
      const Needs needs = coin(random) ? Needs::kAll : Needs::kAny;
      const bool complete = pick(random) + coin(random) > 0;
      ResourceIndex resource = 0;
      if (a == b || coin(random)) {
        resource = graph.lock(needs, {a}, complete);
      } else {
        resource = graph.lock(needs, {std::min(a, b), std::max(a, b)}, complete);
      }
      graph.waits(thread, resource);
    }
    const Diagnosis& diagnosis = graph.conclude();
    const auto stuck = brute_force_stuck(diagnosis);
    const WaitGraph found(diagnosis);
    std::vector<bool> accused(threads);
    for (const ThreadIndex thread : graph.deadlocked()) accused[thread] = true;
    for (const Finding& finding : diagnosis.findings) {
      if (finding.kind != FindingKind::kDeadlock) continue;
      for (const ThreadIndex thread : finding.stuck_behind) accused[thread] = true;
    }
    for (ThreadIndex thread = 0; thread < threads; ++thread) {
      ASSERT_EQ(found.is_stuck(thread), stuck[thread]) << "round " << round;
      ASSERT_EQ(accused[thread], stuck[thread]) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace pstuck
