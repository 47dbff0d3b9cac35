#include "analyzers/confirm.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

// 101 ⇄ 102 ◀── 103
struct DeadlockWithAVictim : SnapshotBuilder {
  DeadlockWithAVictim() {
    mutex("A").owned_by(102);
    mutex("B").owned_by(101);
    thread(101).waits_for("A");
    thread(102).waits_for("B");
    thread(103).waits_for("A");
    thread(104).in_call(232);
    diagnose();
  }
};

void set_owner(Look& look, std::size_t lock, std::int32_t owner) {
  std::memcpy(look.locks.at(lock)->data() + offsetof(MutexHead, owner), &owner, sizeof owner);
}

TEST(Confirm, AsksForTheThreadsAndLocksOfTheFindings) {
  DeadlockWithAVictim target;
  const ConfirmRequest request = find_what_to_confirm(target.snapshot(), target.diagnosis());
  EXPECT_EQ(request.threads, (std::vector<Tid>{{101}, {102}, {103}}));
  EXPECT_EQ(request.locks, (std::vector<Address>{target.address_of("A"), target.address_of("B")}));
}

TEST(Confirm, AsksForNothingWithoutFindings) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(102).runs();
  target.diagnose();
  const ConfirmRequest request = find_what_to_confirm(target.snapshot(), target.diagnosis());
  EXPECT_TRUE(request.threads.empty());
  EXPECT_TRUE(request.locks.empty());
}

TEST(Confirm, KeepsWhatStoodStill) {
  DeadlockWithAVictim target;
  target.confirm(target.look(10s), target.look(10s + 25ms));
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> B | behind: 103");
  const Confirmation& confirmation = target.diagnosis().findings.at(0).confirmation;
  EXPECT_TRUE(confirmation.looked_again);
  EXPECT_TRUE(confirmation.counters_seen);
  EXPECT_EQ(confirmation.gap, 25ms);
  EXPECT_EQ(target.diagnosis().moved, 0U);
}

TEST(Confirm, SaysWhereCountersWereNotSeen) {
  DeadlockWithAVictim target;
  Look second = target.look(2s);
  second.threads[1].switches.reset();
  target.confirm(target.look(1s), second);
  EXPECT_EQ(target.diagnosis().findings.size(), 1U);
  EXPECT_FALSE(target.diagnosis().findings.at(0).confirmation.counters_seen);
}

TEST(Confirm, TakesARestartedCallForTheSame) {
  DeadlockWithAVictim target;
  Look first = target.look(1s);
  Look second = target.look(2s);
  second.threads[0].syscall.number = 219;
  target.confirm(first, second);
  EXPECT_EQ(target.diagnosis().findings.size(), 1U);
}

// A stop ends the call of std::latch, which makes it again with what is then in the registers.
TEST(Confirm, TakesAFutexCallThatTheStopMadeAnewForTheSame) {
  DeadlockWithAVictim target;
  Look first = target.look(1s);
  Look second = target.look(2s);
  for (Look* look : {&first, &second}) {
    look->threads[0].syscall.arguments[2] += 1;
    look->threads[0].syscall.arguments[5] += 1;
  }
  target.confirm(first, second);
  EXPECT_EQ(target.diagnosis().findings.size(), 1U);

  DeadlockWithAVictim other;
  other.confirm(first, other.look(2s));
  EXPECT_TRUE(other.diagnosis().findings.empty()) << "made anew between the looks";
}

// The first look can come before a thread that was stopped sleeps again: another pair will do.
TEST(Confirm, AThirdLookCanBeWorthIt) {
  DeadlockWithAVictim target;
  Look awake = target.look(1s);
  awake.threads[0].syscall = {.state = SyscallState::kUnknown};
  const Look second = target.look(2s);
  const Look third = target.look(3s);
  EXPECT_FALSE(nothing_moved(target.snapshot(), awake, second, target.diagnosis()));
  EXPECT_TRUE(nothing_moved(target.snapshot(), second, third, target.diagnosis()));
  Look released = third;
  released.locks[0].emplace().fill(std::byte{0});
  EXPECT_FALSE(nothing_moved(target.snapshot(), second, released, target.diagnosis()));
}

// Everything that a member of the cycle can do between the looks.
TEST(Confirm, DropsADeadlockWhoseThreadsMoved) {
  const std::function<void(Look&)> moves[] = {
      [](Look& look) { look.threads[0].exists = false; },
      [](Look& look) { look.threads[0].syscall.number = 0; },
      [](Look& look) { look.threads[0].syscall.arguments[0] += 8; },
      [](Look& look) { look.threads[0].syscall = {}; },
      [](Look& look) { look.threads[0].switches->voluntary += 1; },
      [](Look& look) { look.threads[0].switches->involuntary += 1; },
      [](Look& look) { look.threads.clear(); },
      [](Look& look) { look.locks.clear(); },
      [](Look& look) { look.locks[0].reset(); },
      [](Look& look) { set_owner(look, 0, 0); },
      [](Look& look) { set_owner(look, 0, 103); },
      [](Look& look) { look.locks[1]->fill(std::byte{0}); },
      [](Look& look) { look.locks[1]->fill(std::byte{0xff}); },
  };
  for (std::size_t i = 0; i < std::size(moves); ++i) {
    for (const bool in_first : {false, true}) {
      DeadlockWithAVictim target;
      Look first = target.look(1s);
      Look second = target.look(2s);
      moves[i](in_first ? first : second);
      target.confirm(first, second);
      EXPECT_EQ(target.story(), "") << i;
      EXPECT_TRUE(target.diagnosis().cycles.empty()) << i;
      EXPECT_EQ(target.diagnosis().moved, 1U) << i;
    }
  }
}

// What stood still of it stays, as a pile-up.
TEST(Confirm, KeepsTheOtherWaitsOfADroppedDeadlock) {
  DeadlockWithAVictim target;
  Look second = target.look(2s);
  second.threads[1].switches->voluntary += 1;
  target.confirm(target.look(1s), second);
  EXPECT_EQ(target.wait_of(102), nullptr);
  EXPECT_EQ(target.diagnosis().threads[1].activity, Activity::kRuns);
  const PileUp* pile_up = target.pile_up_on("A");
  ASSERT_NE(pile_up, nullptr);
  EXPECT_EQ(pile_up->waits.size(), 2U);
  EXPECT_EQ(pile_up->root, 1U);
  EXPECT_EQ(target.pile_up_on("B"), nullptr);
}

TEST(Confirm, LetsAVictimGoAlone) {
  DeadlockWithAVictim target;
  Look second = target.look(2s);
  second.threads[2].switches->voluntary += 1;
  target.confirm(target.look(1s), second);
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> B");
  EXPECT_EQ(target.diagnosis().moved, 0U);
  EXPECT_TRUE(target.diagnosis().findings.at(0).confirmation.counters_seen);
}

// 101 ⇄ 102     103 ⇄ 104: one stays, the other does not
TEST(Confirm, JudgesEachCycleByItself) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("B").owned_by(101);
  target.mutex("C").owned_by(104);
  target.mutex("D").owned_by(103);
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.thread(103).waits_for("C");
  target.thread(104).waits_for("D");
  target.diagnose();
  Look second = target.look(2s);
  second.threads[0].switches->voluntary += 1;
  target.confirm(target.look(1s), second);
  EXPECT_EQ(target.story(), "deadlock: 103 -> C 104 -> D");
  EXPECT_EQ(target.diagnosis().moved, 1U);
  EXPECT_TRUE(target.diagnosis().findings.at(0).confirmation.looked_again);
}

TEST(Confirm, DropsAnExitedOwnerThatChanged) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(999);
  target.thread(101).waits_for("A");
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
  Look second = target.look(2s);
  set_owner(second, 0, 101);
  target.confirm(target.look(1s), second);
  EXPECT_EQ(target.story(), "");
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kInTransition);
}

TEST(Confirm, ReadsTheOwnerOfARobustMutexFromItsLockWord) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x290).owned_by(101);
  target.thread(101).waits_for("A");
  target.diagnose();
  Look same = target.look(1s);
  set_owner(same, 0, 7);
  target.confirm(same, same);
  EXPECT_EQ(target.story(), "deadlock: 101 -> A");
}

// 101 ──▶ [A] held by 102 ──▶ joins 103, who reads
struct StalledBehindAJoin : SnapshotBuilder {
  StalledBehindAJoin() {
    mutex("A").owned_by(102);
    thread(101).waits_for("A").asleep_for(20s);
    thread(102).joins(103);
    thread(103).in_call(0).asleep_for(20s);
    diagnose();
  }
};

TEST(Confirm, HoldsTheWholeWayToAStalledHolder) {
  StalledBehindAJoin still;
  still.confirm(still.look(1s), still.look(2s));
  EXPECT_EQ(still.story(), "stalled: A | behind: 101");
  for (const std::size_t mover : {0U, 1U, 2U}) {
    StalledBehindAJoin target;
    Look second = target.look(2s);
    ASSERT_EQ(second.threads.size(), 3U);
    second.threads[mover].switches->voluntary += 1;
    target.confirm(target.look(1s), second);
    EXPECT_EQ(target.story(), "") << mover;
    EXPECT_EQ(target.diagnosis().moved, 1U);
  }
}

// A thread stopped by a signal, or in a page fault, is in no call.
TEST(Confirm, GoesByTheCountersOutsideACall) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").asleep_for(20s);
  target.thread(102).runs().in_state('T').asleep_for(20s);
  target.diagnose();
  Look first = target.look(1s);
  first.threads[1].syscall = {};
  Look second = first;
  target.confirm(first, second);
  EXPECT_EQ(target.story(), "stalled: A | behind: 101");
  second.threads[1].switches.reset();
  target.confirm(first, second);
  EXPECT_EQ(target.story(), "");
}

TEST(Confirm, TakesLooksThatDoNotFit) {
  DeadlockWithAVictim target;
  target.confirm({}, {});
  EXPECT_EQ(target.story(), "");
}

}  // namespace
}  // namespace pstuck
