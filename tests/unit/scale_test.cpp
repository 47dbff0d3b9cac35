#include <gtest/gtest.h>

#include "analyzers/conclusions.h"
#include "tests/support/diagnosis_invariants.h"
#include "tests/support/snapshot_builder.h"

// 100,000 threads: every step is linear, and none recurses.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::DiagnosisInvariants;
using testing::SnapshotBuilder;

constexpr std::size_t kThreads = 100'000;

/// Threads of which each waits for a mutex of its own choice, as the analyzers see them once the
/// owners are known.
class ManyThreads {
 public:
  ManyThreads() {
    snapshot_.threads.resize(kThreads);
    diagnosis_.threads.resize(kThreads);
    for (ThreadIndex i = 0; i < kThreads; ++i) {
      snapshot_.threads[i].tid = {static_cast<std::int32_t>(i) + 1};
      diagnosis_.resources.push_back({.address = {0x600000 + i * 40},
                                      .holder = {.evidence = Evidence::kRecorded,
                                                 .fate = OwnerFate::kThread,
                                                 .thread = i,
                                                 .recorded_id = snapshot_.threads[i].tid}});
    }
  }

  void waits_for(ThreadIndex thread, ThreadIndex holder) {
    diagnosis_.threads[thread].activity = Activity::kWaits;
    diagnosis_.threads[thread].wait = diagnosis_.waits.size();
    diagnosis_.waits.push_back({.thread = thread, .resource = holder});
  }

  void sleeps_in_read(ThreadIndex thread) {
    diagnosis_.threads[thread].activity = Activity::kBlocked;
    snapshot_.threads[thread].not_run_for = 1min;
  }

  const Diagnosis& conclude() {
    drop_free_mutexes();
    draw_conclusions(snapshot_, diagnosis_);
    EXPECT_EQ(DiagnosisInvariants(snapshot_, diagnosis_).find_broken(), "");
    return diagnosis_;
  }

 private:
  void drop_free_mutexes() {
    std::map<ResourceIndex, ResourceIndex> new_index;
    for (const Wait& wait : diagnosis_.waits) new_index[wait.resource] = 0;
    std::vector<Resource> wanted;
    for (auto& [old_index, index] : new_index) {
      index = wanted.size();
      wanted.push_back(diagnosis_.resources[old_index]);
    }
    for (Wait& wait : diagnosis_.waits) wait.resource = new_index[wait.resource];
    diagnosis_.resources = std::move(wanted);
  }

  Snapshot snapshot_;
  Diagnosis diagnosis_;
};

// 0 ──▶ 1 ──▶ 2 ──▶ … ──▶ 99,999, who reads
TEST(Scale, AChainHasOneRoot) {
  ManyThreads threads;
  for (ThreadIndex i = 0; i + 1 < kThreads; ++i) threads.waits_for(i, i + 1);
  threads.sleeps_in_read(kThreads - 1);
  const Diagnosis& diagnosis = threads.conclude();
  ASSERT_EQ(diagnosis.pile_ups.size(), kThreads - 1);
  EXPECT_EQ(diagnosis.pile_ups.front().victims, kThreads - 1);
  EXPECT_EQ(diagnosis.pile_ups.back().hops, kThreads - 1);
  ASSERT_EQ(diagnosis.findings.size(), 1U);
  EXPECT_EQ(diagnosis.findings[0].stuck_behind.size(), kThreads - 1);
}

// 1 … 99,999 ──▶ 0, who reads
TEST(Scale, AStarIsOnePileUp) {
  ManyThreads threads;
  for (ThreadIndex i = 1; i < kThreads; ++i) threads.waits_for(i, 0);
  threads.sleeps_in_read(0);
  const Diagnosis& diagnosis = threads.conclude();
  ASSERT_EQ(diagnosis.pile_ups.size(), 1U);
  EXPECT_EQ(diagnosis.pile_ups[0].groups.size(), 1U);
  EXPECT_EQ(diagnosis.findings.at(0).stuck_behind.size(), kThreads - 1);
}

// 0 ──▶ 1 ──▶ … ──▶ 99,999 ──▶ 0
TEST(Scale, ARingIsOneCycle) {
  ManyThreads threads;
  for (ThreadIndex i = 0; i < kThreads; ++i) threads.waits_for(i, (i + 1) % kThreads);
  const Diagnosis& diagnosis = threads.conclude();
  ASSERT_EQ(diagnosis.cycles.size(), 1U);
  EXPECT_EQ(diagnosis.cycles[0].waits.size(), kThreads);
}

// 0 ⇄ 1     2 ⇄ 3     4 ⇄ 5     …
TEST(Scale, ManyCyclesAreManyFindings) {
  ManyThreads threads;
  for (ThreadIndex i = 0; i < kThreads; ++i) threads.waits_for(i, i ^ 1U);
  EXPECT_EQ(threads.conclude().findings.size(), kThreads / 2);
}

// The whole way, from the registers to the second look: 1 ──▶ 2 ──▶ … ──▶ 10,000 ──▶ 1
TEST(Scale, ARingIsRecognisedAndConfirmed) {
  constexpr std::int32_t kRing = 10'000;
  SnapshotBuilder target;
  for (std::int32_t tid = 1; tid <= kRing; ++tid) {
    const std::int32_t next = tid % kRing + 1;
    target.mutex(std::to_string(next)).owned_by(next);
    target.thread(tid).waits_for(std::to_string(next));
  }
  ASSERT_EQ(target.diagnose().cycles.size(), 1U);
  EXPECT_EQ(target.diagnosis().cycles[0].waits.size(), std::size_t{kRing});
  target.confirm({}, {});
  EXPECT_TRUE(target.diagnosis().findings.empty());
}

}  // namespace
}  // namespace pstuck
