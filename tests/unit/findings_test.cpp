#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::FakeThread;
using testing::SnapshotBuilder;

constexpr std::int64_t kRead = 0;
constexpr std::int64_t kNanosleep = 35;
constexpr std::int64_t kEpollWait = 232;

// 101 102 ──▶ [A] held by 103, who does what `holder_does` says
std::string story_of(const std::function<void(FakeThread&)>& holder_does) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(103);
  target.thread(101).waits_for("A").asleep_for(30s);
  target.thread(102).waits_for("A").asleep_for(20s);
  holder_does(target.thread(103));
  target.diagnose();
  return target.story();
}

TEST(StalledHolder, IsBlockedForLong) {
  const std::string stalled = "stalled: A | behind: 101 102";
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_call(kRead).asleep_for(10s); }), stalled);
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_call(kNanosleep).asleep_for(1min); }), stalled);
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_state('D').asleep_for(1min); }), stalled);
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_state('T').asleep_for(1min); }), stalled);
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_futex({0x10}, 0x189, 0).asleep_for(1min); }),
            stalled);
}

TEST(StalledHolder, IsNoneWhileItWorksOrIdles) {
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_call(kRead).asleep_for(9s); }), "");
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_call(kRead); }), "");
  EXPECT_EQ(story_of([](FakeThread& t) { t.runs().asleep_for(1min); }), "");
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_state('S').asleep_for(1min); }), "");
}

// redis parks its I/O threads on mutexes that its main thread holds while it waits for work.
TEST(StalledHolder, IsNoneThatWaitsForWork) {
  EXPECT_EQ(story_of([](FakeThread& t) { t.in_call(kEpollWait).asleep_for(1h); }), "");
}

// 101 102 ──▶ [A] held by 103 ──▶ joins 104 ──▶ joins 105, who reads
TEST(StalledHolder, CanBeBehindAJoin) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(103);
  target.thread(101).waits_for("A").asleep_for(30s);
  target.thread(102).waits_for("A").asleep_for(20s);
  target.thread(103).joins(104);
  target.thread(104).joins(105);
  target.thread(105).in_call(kRead).asleep_for(40s);
  target.diagnose();
  EXPECT_EQ(target.story(), "stalled: A | behind: 101 102");
  EXPECT_EQ(target.diagnosis().findings[0].since, 20s);
}

// 101 ──▶ [A] held by 102 ──▶ [B] held by 103, who reads
TEST(StalledHolder, IsToldOnceForAChain) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").owned_by(103);
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.thread(103).in_call(kRead).asleep_for(40s);
  target.diagnose();
  EXPECT_EQ(target.story(), "stalled: B | behind: 101 102");
}

TEST(StalledHolder, OfAJoinAloneIsNone) {
  SnapshotBuilder target;
  target.thread(101).joins(102);
  target.thread(102).in_call(kNanosleep).asleep_for(1h);
  target.diagnose();
  EXPECT_EQ(target.story(), "");
}

TEST(StalledHolder, IsNotToldFromACore) {
  SnapshotBuilder target;
  target.facts().kind = TargetKind::kCore;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(102).in_call(kRead);
  target.diagnose();
  EXPECT_EQ(target.story(), "");
}

// 103 ──▶ [A] owner gone     101 ⇄ 102     104 105 106 ──▶ [D] owner gone
TEST(Findings, ComeDeadlocksFirstThenTheBiggest) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(998);
  target.mutex("B").owned_by(101);
  target.mutex("C").owned_by(102);
  target.mutex("D").owned_by(999);
  target.thread(101).waits_for("C");
  target.thread(102).waits_for("B");
  target.thread(103).waits_for("A");
  for (const std::int32_t tid : {104, 105, 106}) target.thread(tid).waits_for("D");
  target.diagnose();
  EXPECT_EQ(target.story(),
            "deadlock: 101 -> C 102 -> B\n"
            "exited: D | behind: 104 105 106\n"
            "exited: A | behind: 103");
}

TEST(Others, AreGroupedByWhatTheyDo) {
  SnapshotBuilder target;
  target.thread(101).in_call(kEpollWait).below({"serve"});
  target.thread(102).in_call(kRead).below({"serve"});
  target.thread(103).in_call(kEpollWait).below({"serve"});
  target.thread(104).in_call(kEpollWait).below({"accept_all"});
  target.thread(105).runs();
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.others.size(), 4U);
  EXPECT_EQ(target.tids(diagnosis.others[0].group.threads), (std::vector<std::int32_t>{101, 103}));
  EXPECT_EQ(diagnosis.others[0].activity, Activity::kIdle);
  EXPECT_EQ(diagnosis.others[0].syscall, kEpollWait);
  EXPECT_EQ(diagnosis.others[1].activity, Activity::kBlocked);
  EXPECT_EQ(diagnosis.others[3].activity, Activity::kRuns);
}

// 102 joins 101, who is in a cycle: 102 is stuck behind it and not among the others.
TEST(Others, LeaveOutWhoJoinsAThreadInACycle) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(101);
  target.thread(101).waits_for("A");
  target.thread(102).joins(101);
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A | behind: 102");
  EXPECT_TRUE(target.diagnosis().others.empty());
}

}  // namespace
}  // namespace pstuck
