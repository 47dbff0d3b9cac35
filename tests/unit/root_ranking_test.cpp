// What must move first, who is behind it, and whom it frees alone.

#include "analyzers/root_ranking.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using testing::SnapshotBuilder;

/// "141: 111 112, frees 2" for each root blocker, one a line; "cycle" for a deadlock.
std::string roots_of(const SnapshotBuilder& target, const Diagnosis& diagnosis) {
  std::string text;
  for (const RootBlocker& root : diagnosis.root_blockers) {
    text += text.empty() ? "" : "\n";
    text += root.thread ? std::to_string(target.tids({*root.thread})[0]) : "cycle";
    text += ":";
    for (const std::int32_t tid : target.tids(root.victims)) text += " " + std::to_string(tid);
    text += ", frees " + std::to_string(root.frees);
  }
  return text;
}

// 111 112 ──▶ [A] held by 121 ──▶ [B] held by 131, who reads      151 ──▶ [C] held by 141, who runs
TEST(RootRanking, CountsVictimsThroughAllHopsAndPutsTheWorstFirst) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(121);
  target.mutex("B").owned_by(131);
  target.mutex("C").owned_by(141);
  for (const std::int32_t tid : {111, 112}) target.thread(tid).waits_for("A");
  target.thread(121).waits_for("B");
  target.thread(131).in_call(0);
  target.thread(141).runs();
  target.thread(151).waits_for("C");
  EXPECT_EQ(roots_of(target, target.diagnose()),
            "131: 111 112 121, frees 3\n"
            "141: 151, frees 1");
}

TEST(RootRanking, ADeadlockFreesItsMembersToo) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(101);
  target.mutex("B").owned_by(102);
  target.thread(101).waits_for("B");
  target.thread(102).waits_for("A");
  for (const std::int32_t tid : {103, 104}) target.thread(tid).waits_for("A");
  EXPECT_EQ(roots_of(target, target.diagnose()), "cycle: 103 104, frees 4");
}

TEST(RootRanking, NobodyIsTheRootOfALockWhoseOwnerIsGone) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(999);
  target.mutex("B").owned_by(101);
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  EXPECT_EQ(roots_of(target, target.diagnose()), "101: 102, frees 1");
}

/// 0 waits for what 1 and 2 have parts in, and 3 for a lock that 0 has.
class SharedLock : public ::testing::Test {
 protected:
  SharedLock() {
    diagnosis_.threads.resize(4, {.activity = Activity::kBlocked});
    Resource shared{.kind = ResourceKind::kRwlock, .partners_complete = true, .blocker = 2};
    shared.partners = {{.thread = 1}, {.thread = 2}};
    Resource mutex{.holder = {.fate = OwnerFate::kThread, .thread = 0}, .blocker = 0};
    diagnosis_.resources = {shared, mutex};
    diagnosis_.waits = {{.thread = 0, .resource = 0}, {.thread = 3, .resource = 1}};
    diagnosis_.pile_ups = {{.resource = 0, .waits = {0}, .end = 2},
                           {.resource = 1, .waits = {1}, .next = 0, .end = 2}};
  }

  std::size_t freed() const {
    const auto roots = rank_root_blockers(diagnosis_);
    EXPECT_EQ(roots.size(), 1U);
    EXPECT_EQ(roots.at(0).victims, (std::vector<ThreadIndex>{0, 3}));
    return roots.at(0).frees;
  }

  Diagnosis diagnosis_;
};

TEST_F(SharedLock, IsNotFreeWhileAnotherPartnerIsStuckElsewhere) { EXPECT_EQ(freed(), 0U); }

TEST_F(SharedLock, IsFreeWhenTheOtherPartnerRuns) {
  diagnosis_.threads[1].activity = Activity::kRuns;
  EXPECT_EQ(freed(), 2U);
}

TEST_F(SharedLock, IsFreeWhenAnyPartnerIsEnough) {
  diagnosis_.resources[0].needs = Needs::kAny;
  EXPECT_EQ(freed(), 2U);
}

}  // namespace
}  // namespace pstuck
