#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

// What became of the id that a lock recorded as its owner.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

//     101 ──▶ [A] held by 999
struct WaitingForAStranger : SnapshotBuilder {
  WaitingForAStranger() {
    mutex("A").owned_by(999);
    thread(101).waits_for("A").asleep_for(5s);
  }
};

TaskElsewhere task_in(std::int32_t process, bool in_parent) {
  return {.tid = {999}, .process = {process}, .process_name = "other", .in_parent = in_parent};
}

void put_in_shared_memory(SnapshotBuilder& target) {
  target.facts().mappings = {{.start = {0x600000}, .end = {0x700000}, .shared = true}};
}

void put_in_private_memory(SnapshotBuilder& target) {
  target.facts().mappings = {{.start = {0x600000}, .end = {0x700000}}};
}

TEST(Owner, ThatNobodyHasExited) {
  WaitingForAStranger target;
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
  const Holder& holder = target.resource("A").holder;
  EXPECT_EQ(holder.evidence, Evidence::kRecorded);
  EXPECT_EQ(holder.recorded_id, Tid{999});
  EXPECT_EQ(target.diagnosis().findings.at(0).since, 5s);
}

TEST(Owner, ThatIsAZombieExited) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(102).in_state('Z');
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
  EXPECT_EQ(target.diagnosis().threads[1].activity, Activity::kEnded);
}

TEST(Owner, InTheParentWasCopiedByFork) {
  WaitingForAStranger target;
  put_in_private_memory(target);
  target.tasks().tasks[{999}] = task_in(50, true);
  target.diagnose();
  EXPECT_EQ(target.story(), "fork: A | behind: 101");
  EXPECT_EQ(target.resource("A").holder.elsewhere->process, Tid{50});
}

TEST(Owner, InTheParentOfASharedLockIsAnotherProcess) {
  WaitingForAStranger target;
  target.mutex("A").of_kind(0x280);
  put_in_shared_memory(target);
  target.tasks().tasks[{999}] = task_in(50, true);
  target.diagnose();
  EXPECT_EQ(target.story(), "");
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kOtherProcess);
}

TEST(Owner, InAnotherProcessIsNoFinding) {
  WaitingForAStranger target;
  target.tasks().tasks[{999}] = task_in(70, false);
  target.diagnose();
  EXPECT_EQ(target.story(), "");
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kOtherProcess);
  EXPECT_EQ(target.resource("A").holder.evidence, Evidence::kRecorded);
}

TEST(Owner, ThatBeganAfterTheCaptureIsInTransition) {
  WaitingForAStranger target;
  target.tasks().tasks[{999}] = task_in(100, false);
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kInTransition);
}

TEST(Owner, OfASharedLockCanBeInANamespaceOutOfSight) {
  WaitingForAStranger target;
  target.facts().process.other_pid_namespace = true;
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kExited);
  target.mutex("A").of_kind(0x280);
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kOtherNamespace);
  EXPECT_EQ(target.resource("A").holder.evidence, Evidence::kUnknown);
}

TEST(Owner, OfASharedLockInACoreCanBeAnotherProcess) {
  WaitingForAStranger target;
  target.facts().kind = TargetKind::kCore;
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
  target.mutex("A").of_kind(0x280);
  put_in_private_memory(target);  // a core does not tell
  target.diagnose();
  EXPECT_EQ(target.story(), "");
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kOtherProcess);
  EXPECT_EQ(target.resource("A").holder.evidence, Evidence::kUnknown);
}

// All robust mutexes carry the process-shared bit, also those in private memory.
TEST(Owner, OfARobustMutexInPrivateMemoryIsNotShared) {
  WaitingForAStranger target;
  target.mutex("A").of_kind(0x290);
  put_in_private_memory(target);
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
  EXPECT_FALSE(target.resource("A").mutex->process_shared);
}

TEST(Owner, CountsInTheTargetsNamespace) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(2);
  target.mutex("B").owned_by(1);
  target.thread(7001).called_in_target(1).waits_for("A");
  target.thread(7002).called_in_target(2).waits_for("B");
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 7001 -> A 7002 -> B");
}

//     101, 103 ──▶ [A] held by 102, who is younger than both waits
TEST(Owner, YoungerThanAllWaitsIsRecycled) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").asleep_for(60s);
  target.thread(102).in_call(0).aged(30s);
  target.thread(103).waits_for("A").asleep_for(50s);
  target.diagnose();
  EXPECT_EQ(target.story(), "recycled: A | behind: 101 103");
  EXPECT_EQ(target.resource("A").holder.thread, 1U);
  EXPECT_FALSE(target.pile_up_on("A")->root);
}

TEST(Owner, MayHaveTakenTheLockBeforeTheYoungestWait) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").asleep_for(60s);
  target.thread(102).in_call(0).aged(30s);
  target.thread(103).waits_for("A").asleep_for(20s);
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kThread);
  target.thread(103).asleep_for(30s + 600ms);  // within the error of the clocks
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kThread);
  target.thread(103).asleep_for(31s);
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kRecycled);
}

TEST(Owner, IsNotCalledRecycledWhereTimesAreUnknown) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").asleep_for(60s);
  target.thread(102).runs().aged(1s);
  target.thread(103).waits_for("A");
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kThread);
}

// Between unlocking and locking the word is free, or the owner is not yet written.
TEST(Owner, OnItsWayMakesNoEdge) {
  SnapshotBuilder target;
  target.mutex("A").with_bytes({.head = {.lock = 0, .owner = 102, .nusers = 1}});
  target.mutex("B").with_bytes({.head = {.lock = 2}});
  target.thread(101).waits_for("B");
  target.thread(102).waits_for("A");
  target.diagnose();
  EXPECT_EQ(target.story(), "");
  for (const char* name : {"A", "B"}) {
    EXPECT_EQ(target.resource(name).holder.fate, OwnerFate::kInTransition);
    EXPECT_EQ(target.resource(name).holder.evidence, Evidence::kUnknown);
    EXPECT_FALSE(target.pile_up_on(name)->root);
  }
}

TEST(Owner, ThatDiedIsRepairedByTheNextOfARobustMutex) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x290).owned_by(102).with_lock_word(0x40000000 | 102);
  target.thread(101).waits_for("A");
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kInTransition);
}

TEST(LockName, ComesFromTheVariableThatHoldsIt) {
  SnapshotBuilder target;
  target.mutex("g_router").named_by_symbol().owned_by(102);
  target.mutex("on the heap").owned_by(102);
  target.thread(101).waits_for("g_router");
  target.thread(102).runs();
  target.thread(103).waits_for("on the heap");
  target.diagnose();
  EXPECT_EQ(target.resource("g_router").name, "g_router");
  EXPECT_EQ(target.resource("g_router").name_module, "app");
  EXPECT_EQ(target.resource("on the heap").name, "");
}

}  // namespace
}  // namespace pstuck
