#include "analyzers/cycles.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

// 101 ──▶ [A]
//  ▲       │
//  └───────┘
TEST(Cycle, OfOneThread) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(101);
  target.thread(101).waits_for("A");
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A");
}

// 101 ──▶ [B] ──▶ 102
//  ▲               │
//  └───── [A] ◀────┘
TEST(Cycle, OfTwoThreads) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(101);
  target.mutex("B").owned_by(102);
  target.thread(101).waits_for("B").asleep_for(20s);
  target.thread(102).waits_for("A").asleep_for(15s);
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> B 102 -> A");
  const Finding& finding = target.diagnosis().findings.at(0);
  EXPECT_EQ(finding.evidence, Evidence::kRecorded);
  EXPECT_EQ(finding.since, 15s);
  EXPECT_FALSE(finding.ends_by_itself);
  EXPECT_TRUE(target.diagnosis().pile_ups.empty());
}

// 103 ──▶ 101 ──▶ 102 ──▶ 103
TEST(Cycle, OfThreeBeginsWithTheLowest) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").owned_by(103);
  target.mutex("C").owned_by(101);
  target.thread(103).waits_for("C");
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> B 103 -> C");
}

// 101 ⇄ 104      102 ⇄ 103 ◀── 105
TEST(Cycle, TwoAtOnceAreTwoFindings) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(104);
  target.mutex("B").owned_by(101);
  target.mutex("C").owned_by(103);
  target.mutex("D").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(104).waits_for("B");
  target.thread(102).waits_for("C");
  target.thread(103).waits_for("D");
  target.thread(105).waits_for("C");
  target.diagnose();
  EXPECT_EQ(target.story(),
            "deadlock: 102 -> C 103 -> D | behind: 105\n"
            "deadlock: 101 -> A 104 -> B");
}

// 101 ──▶ [A] held by 102 ──▶ joins 101
TEST(Cycle, CanGoThroughAJoin) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(102).joins(101);
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> end of 101");
}

TEST(Cycle, WithATimedWaitEndsByItself) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").owned_by(101);
  target.thread(101).waits_for_until("A", 1h + 4s);
  target.thread(102).waits_for_until("B", 1h + 9s);
  target.diagnose();
  EXPECT_EQ(target.diagnosis().findings.at(0).ends_by_itself, 4s);
  target.thread(102).waits_for_until("B", 1h - 1s);
  target.diagnose();
  EXPECT_EQ(target.diagnosis().findings.at(0).ends_by_itself, 0s);
}

TEST(Cycle, HasNoKnownAgeWhereOneWaitHasNone) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").owned_by(101);
  target.thread(101).waits_for("A").asleep_for(20s);
  target.thread(102).waits_for("B");
  target.diagnose();
  EXPECT_FALSE(target.diagnosis().findings.at(0).since);
}

// 101 ──▶ [A] ──▶ 102 ──▶ [B] on its way to 101
TEST(Cycle, WithALockOnItsWayIsNone) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").with_lock_word(0);
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.diagnose();
  EXPECT_EQ(target.story(), "");
}

// Any thread may wait for any other: one edge out of each, or none.
Diagnosis random_diagnosis(std::mt19937& random, std::size_t threads) {
  Diagnosis diagnosis;
  diagnosis.threads.resize(threads);
  std::uniform_int_distribution<std::size_t> pick(0, threads + threads / 3);
  for (ThreadIndex thread = 0; thread < threads; ++thread) {
    const ThreadIndex holder = pick(random);
    if (holder >= threads) continue;
    diagnosis.threads[thread].wait = diagnosis.waits.size();
    diagnosis.waits.push_back({.thread = thread, .resource = diagnosis.resources.size()});
    diagnosis.resources.push_back(
        {.holder = {
             .evidence = Evidence::kRecorded, .fate = OwnerFate::kThread, .thread = holder}});
  }
  return diagnosis;
}

// Who comes back to himself when he follows the holders, by trying.
std::vector<bool> brute_force_in_cycle(const Diagnosis& diagnosis) {
  std::vector<bool> in_cycle(diagnosis.threads.size());
  for (ThreadIndex start = 0; start < in_cycle.size(); ++start) {
    ThreadIndex at = start;
    for (std::size_t step = 0; step < in_cycle.size() && !in_cycle[start]; ++step) {
      const auto& wait = diagnosis.threads[at].wait;
      if (!wait) break;
      at = *diagnosis.resources[diagnosis.waits[*wait].resource].holder.thread;
      in_cycle[start] = at == start;
    }
  }
  return in_cycle;
}

TEST(Cycle, AgreesWithBruteForceOnRandomGraphs) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 2000; ++round) {
    const Diagnosis diagnosis = random_diagnosis(random, static_cast<std::size_t>(1 + round % 23));
    std::vector<bool> found(diagnosis.threads.size());
    for (const Cycle& cycle : find_cycles(WaitGraph(diagnosis), diagnosis)) {
      for (const WaitIndex wait : cycle.waits) {
        const ThreadIndex thread = diagnosis.waits[wait].thread;
        EXPECT_FALSE(found[thread]);
        found[thread] = true;
      }
    }
    ASSERT_EQ(found, brute_force_in_cycle(diagnosis)) << "round " << round;
  }
}

// The same through the whole of diagnose(), whose invariants are checked on the way.
TEST(Cycle, AgreesWithBruteForceOnRandomTargets) {
  std::mt19937 random(42);
  for (int round = 0; round < 200; ++round) {
    SnapshotBuilder target;
    const std::int32_t threads = 2 + round % 15;
    std::uniform_int_distribution<std::int32_t> pick(1, threads + 2);
    for (std::int32_t tid = 1; tid <= threads; ++tid) {
      target.mutex("M" + std::to_string(tid)).owned_by(pick(random));
      const std::string wanted = "M" + std::to_string(pick(random) % threads + 1);
      if (pick(random) > 3) target.thread(tid).waits_for(wanted).below({"f" + wanted, "run"});
      if (pick(random) <= 2) target.thread(tid).joins(pick(random));
      target.thread(tid);
    }
    const Diagnosis& diagnosis = target.diagnose();
    for (const Cycle& cycle : diagnosis.cycles) EXPECT_FALSE(cycle.waits.empty());
  }
}

}  // namespace
}  // namespace pstuck
