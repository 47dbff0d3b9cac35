#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

// 100,000 threads: every step is linear, and none recurses.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

constexpr std::int32_t kThreads = 100'000;

std::string mutex_of(std::int32_t tid) { return "M" + std::to_string(tid); }

// 1 ──▶ 2 ──▶ 3 ──▶ … ──▶ 100,000, who reads
TEST(Scale, AChainHasOneRoot) {
  SnapshotBuilder target;
  for (std::int32_t tid = 1; tid < kThreads; ++tid) {
    target.mutex(mutex_of(tid + 1)).owned_by(tid + 1);
    target.thread(tid).waits_for(mutex_of(tid + 1)).asleep_for(1min);
  }
  target.thread(kThreads).in_call(0).asleep_for(1min);
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.pile_ups.size(), std::size_t{kThreads} - 1);
  EXPECT_EQ(diagnosis.pile_ups.front().victims, std::size_t{kThreads} - 1);
  EXPECT_EQ(diagnosis.pile_ups.back().hops, std::size_t{kThreads} - 1);
  ASSERT_EQ(diagnosis.findings.size(), 1U);
  EXPECT_EQ(diagnosis.findings[0].stuck_behind.size(), std::size_t{kThreads} - 1);
}

// 1 … 99,999 ──▶ [M] held by 100,000
TEST(Scale, AStarIsOnePileUp) {
  SnapshotBuilder target;
  target.mutex("M").owned_by(kThreads);
  for (std::int32_t tid = 1; tid < kThreads; ++tid) target.thread(tid).waits_for("M");
  target.thread(kThreads).runs();
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.pile_ups.size(), 1U);
  EXPECT_EQ(diagnosis.pile_ups[0].groups.size(), 1U);
  EXPECT_EQ(diagnosis.pile_ups[0].victims, std::size_t{kThreads} - 1);
}

// 1 ──▶ 2 ──▶ … ──▶ 100,000 ──▶ 1
TEST(Scale, ARingIsOneCycle) {
  SnapshotBuilder target;
  for (std::int32_t tid = 1; tid <= kThreads; ++tid) {
    const std::int32_t next = tid % kThreads + 1;
    target.mutex(mutex_of(next)).owned_by(next);
    target.thread(tid).waits_for(mutex_of(next));
  }
  ASSERT_EQ(target.diagnose().cycles.size(), 1U);
  EXPECT_EQ(target.diagnosis().cycles[0].waits.size(), std::size_t{kThreads});
  const Look look = {};
  target.confirm(look, look);
  EXPECT_TRUE(target.diagnosis().findings.empty());
}

}  // namespace
}  // namespace pstuck
