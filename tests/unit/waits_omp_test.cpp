#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

// Waits at the barriers of libgomp.

namespace pstuck {
namespace {

using testing::FakeFrames;
using testing::SnapshotBuilder;

constexpr Address kBarrier{0x680000};
constexpr std::uint64_t kWait = 0x80;  // FUTEX_WAIT | private

struct BarrierWords {
  std::uint32_t total = 4;
  std::uint32_t generation = 8;
  std::uint32_t apart[14] = {};
  std::uint32_t awaited = 3;
  std::uint32_t awaited_final = 4;
};

class OmpBarrier : public ::testing::Test {
 protected:
  const Resource* recognise(const BarrierWords& words, const FakeFrames& frames,
                            std::uint64_t value = 8) {
    target.memory().put_object(kBarrier, words);
    target.thread(101).in_futex(kBarrier + 4, kWait, value).with_stack(frames);
    target.diagnose();
    return target.resource_of(101);
  }

  const FakeFrames in_region = {"libgomp.so.1.0.0:", "libgomp.so.1.0.0:",
                                "libgomp.so.1.0.0:GOMP_parallel", "compute", "main"};
  SnapshotBuilder target;
};

TEST_F(OmpBarrier, CountsWhoIsStillToCome) {
  const Resource* barrier = recognise({}, in_region);
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->kind, ResourceKind::kBarrier);
  EXPECT_EQ(barrier->address, kBarrier);
  EXPECT_EQ(barrier->type, "OpenMP barrier");
  EXPECT_EQ(barrier->parties, (PartyCount{1, 4, 3}));
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kArrivals);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kFunctionName);
  EXPECT_EQ(target.wait_of(101)->frame, 3U) << "libgomp is not the program's";
}

TEST_F(OmpBarrier, CountsAtTheEndOfARegionToo) {
  const Resource* barrier = recognise({.awaited = 4, .awaited_final = 2}, in_region);
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->parties, (PartyCount{2, 4, 2}));
}

TEST_F(OmpBarrier, IsKnownByTheCallWhereLibgompHasNoNames) {
  const FakeFrames frames = {"libgomp.so.1.0.0:", "libgomp.so.1.0.0:", "compute", "main"};
  EXPECT_EQ(recognise({}, frames), nullptr);
  target.program().called_functions[{}] = "GOMP_parallel";
  ASSERT_NE(recognise({}, frames), nullptr);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCallSite);
}

TEST_F(OmpBarrier, WithNobodyElseIsForEver) {
  recognise({}, in_region);
  ASSERT_EQ(target.diagnosis().findings.size(), 1U);
  EXPECT_EQ(target.diagnosis().findings[0].kind, FindingKind::kAllAsleep);
}

TEST_F(OmpBarrier, WithAWorkingThreadIsNoFinding) {
  target.thread(102).runs();
  ASSERT_NE(recognise({}, in_region), nullptr);
  EXPECT_TRUE(target.diagnosis().findings.empty());
}

TEST_F(OmpBarrier, OnItsWayIsNoFinding) {
  const Resource* full = recognise({.awaited = 0}, in_region);
  ASSERT_NE(full, nullptr);
  EXPECT_EQ(full->holder.fate, OwnerFate::kInTransition);
  const Resource* next_round = recognise({.generation = 16}, in_region);
  ASSERT_NE(next_round, nullptr);
  EXPECT_EQ(next_round->holder.fate, OwnerFate::kInTransition);
  EXPECT_TRUE(target.diagnosis().findings.empty());
}

TEST_F(OmpBarrier, IsNotWhatARegionsOwnCodeWaitsFor) {
  EXPECT_EQ(recognise({}, {"app:sleep_on_word", "app:compute._omp_fn.0",
                           "libgomp.so.1.0.0:GOMP_parallel", "compute"}),
            nullptr);
}

TEST_F(OmpBarrier, IsNotAnotherWaitOfLibgomps) {
  EXPECT_EQ(recognise({}, {"libgomp.so.1.0.0:", "libgomp.so.1.0.0:GOMP_critical_start", "compute"}),
            nullptr);
  EXPECT_EQ(recognise({.total = 0}, in_region), nullptr);
  EXPECT_EQ(recognise({.awaited = 5}, in_region), nullptr);
  EXPECT_EQ(recognise({.awaited_final = 5}, in_region), nullptr);
  EXPECT_EQ(recognise({.generation = 9}, in_region, 9), nullptr);
}

TEST_F(OmpBarrier, ThatCannotBeReadIsNone) {
  target.thread(101).in_futex({0x990004}, kWait, 8).with_stack(in_region);
  target.diagnose();
  EXPECT_EQ(target.resource_of(101), nullptr);
}

}  // namespace
}  // namespace pstuck
