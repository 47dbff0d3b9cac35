#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using testing::SnapshotBuilder;

std::vector<std::vector<std::int32_t>> groups_of(const SnapshotBuilder& target,
                                                 const PileUp& pile_up) {
  std::vector<std::vector<std::int32_t>> groups;
  for (const StackGroup& group : pile_up.groups) groups.push_back(target.tids(group.threads));
  return groups;
}

using Groups = std::vector<std::vector<std::int32_t>>;

TEST(PileUp, PutsSimilarStacksTogetherBiggestFirst) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(100);
  target.thread(100).runs();
  target.thread(101).waits_for("A").below({"Cache::stats", "timer_main"});
  for (const std::int32_t tid : {102, 103, 105}) {
    target.thread(tid).waits_for("A").below({"Cache::get", "worker_main"});
  }
  target.thread(104).waits_for("A").below({"Cache::stats", "timer_main"});
  target.thread(106).waits_for("A").below({"Cache::get", "other_main"});
  target.diagnose();
  const PileUp& pile_up = *target.pile_up_on("A");
  EXPECT_EQ(groups_of(target, pile_up), (Groups{{102, 103, 105}, {101, 104}, {106}}));
  EXPECT_EQ(pile_up.groups[0].functions.size(), 2U);
  EXPECT_EQ(pile_up.root, 0U);
  EXPECT_EQ(pile_up.hops, 1U);
  EXPECT_EQ(pile_up.victims, 6U);
}

TEST(PileUp, OfTheSameSizeComesByLowestThread) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(100);
  target.thread(100).runs();
  target.thread(103).waits_for("A").below({"a"});
  target.thread(101).waits_for("A").below({"b"});
  target.diagnose();
  EXPECT_EQ(groups_of(target, *target.pile_up_on("A")), (Groups{{101}, {103}}));
}

// 111 112 113 ──▶ [A] held by 121
//             121 122 ──▶ [B] held by 131
//                     131 ──▶ [C] held by 141, who reads
TEST(PileUp, ChainsOfThreeLeadToOneRoot) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(121);
  target.mutex("B").owned_by(131);
  target.mutex("C").owned_by(141);
  for (const std::int32_t tid : {111, 112, 113}) target.thread(tid).waits_for("A");
  for (const std::int32_t tid : {121, 122}) target.thread(tid).waits_for("B");
  target.thread(131).waits_for("C");
  target.thread(141).in_call(0);
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.pile_ups.size(), 3U);
  const PileUp& c = diagnosis.pile_ups[0];
  const PileUp& b = diagnosis.pile_ups[1];
  const PileUp& a = diagnosis.pile_ups[2];
  EXPECT_EQ(&c, target.pile_up_on("C"));
  EXPECT_EQ(c.victims, 6U);
  EXPECT_EQ(b.victims, 5U);
  EXPECT_EQ(a.victims, 3U);
  EXPECT_EQ(a.next, 1U);
  EXPECT_EQ(b.next, 0U);
  EXPECT_FALSE(c.next);
  EXPECT_EQ(a.hops, 3U);
  for (const PileUp& pile_up : diagnosis.pile_ups) EXPECT_EQ(pile_up.root, 6U);
}

// 105 ──▶ [D] held by 104 ──▶ [C] held by 103 ──▶ [B] held by 102
//                                  102 ⇄ 101
TEST(PileUp, BehindACycleHasTheCycleAsItsEnd) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(101);
  target.mutex("B").owned_by(102);
  target.mutex("C").owned_by(103);
  target.mutex("D").owned_by(104);
  target.thread(101).waits_for("B");
  target.thread(102).waits_for("A");
  target.thread(103).waits_for("B");
  target.thread(104).waits_for("C");
  target.thread(105).waits_for("D");
  const Diagnosis& diagnosis = target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> B 102 -> A | behind: 103 104 105");
  for (const PileUp& pile_up : diagnosis.pile_ups) {
    EXPECT_EQ(pile_up.cycle, 0U);
    EXPECT_FALSE(pile_up.root);
  }
  EXPECT_EQ(target.pile_up_on("D")->hops, 3U);
  EXPECT_EQ(target.pile_up_on("B")->waits.size(), 1U);  // 101 is in the cycle
  EXPECT_TRUE(diagnosis.others.empty());
}

TEST(PileUp, AlsoForThreadsThatAreJoined) {
  SnapshotBuilder target;
  target.thread(101).joins(103);
  target.thread(102).joins(101);
  target.thread(103).runs();
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.pile_ups.size(), 2U);
  EXPECT_EQ(diagnosis.pile_ups[0].victims, 2U);
  EXPECT_EQ(diagnosis.pile_ups[1].root, 2U);
  EXPECT_EQ(diagnosis.others.size(), 2U);  // a join alone is spoken of among the others
}

}  // namespace
}  // namespace pstuck
