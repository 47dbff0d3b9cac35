#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

// Waits for glibc's barriers and once-flags.

namespace pstuck {
namespace {

using testing::SnapshotBuilder;

constexpr std::uint64_t kWait = 0x80;  // FUTEX_WAIT | private
constexpr std::uint64_t kSharedWait = 0;
constexpr std::uint64_t kUntimed = 0x189;  // FUTEX_WAIT_BITSET | private | real time
constexpr Address kObject{0x680000};
constexpr Address kLeft{0x7b0000001000};
constexpr Address kOwn{0x790000000000};
constexpr Address kHandler{0x790000001000};
constexpr std::uint64_t kCleanup = 760;
constexpr std::size_t kR8 = 8;

struct BarrierWords {
  std::uint32_t in = 2;
  std::uint32_t round = 0;
  std::uint32_t count = 4;
  std::uint32_t shared = 0;
  std::uint32_t out = 0;
};

class Barrier : public ::testing::Test {
 protected:
  Barrier() { target.thread(101).with_register(kR8, kObject.value).without_names(); }

  const Resource* recognise(const BarrierWords& words, std::uint64_t value,
                            std::uint64_t operation = kWait) {
    target.memory().put_object(kObject, words);
    target.thread(101).in_futex(kObject + 4, operation, value);
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(Barrier, CountsWhoArrived) {
  const Resource* barrier = recognise({}, 0);
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->kind, ResourceKind::kBarrier);
  EXPECT_EQ(barrier->address, kObject);
  EXPECT_EQ(barrier->parties, (PartyCount{2, 4, 2}));
  EXPECT_EQ(barrier->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kArrivals);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
}

TEST_F(Barrier, CountsFromItsLastRoundOn) {
  const Resource* barrier = recognise({.in = 41, .round = 40, .out = 40}, 40);
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->parties, (PartyCount{1, 4, 3}));
}

TEST_F(Barrier, ThatIsFullIsOnItsWay) {
  target.thread(101).with_stack({"libc.so.6:pthread_barrier_wait@@GLIBC_2.34", "work"});
  const Resource* barrier = recognise({.in = 4}, 0);
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->parties, (PartyCount{4, 4, 0}));
  EXPECT_EQ(barrier->holder.fate, OwnerFate::kInTransition);
  ASSERT_NE(recognise({.in = 5, .round = 4}, 0), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
}

TEST_F(Barrier, WithWordsThatDisagreeIsNone) {
  EXPECT_EQ(recognise({.in = 0}, 0), nullptr);
  EXPECT_EQ(recognise({.in = 2, .round = 3}, 3), nullptr);
  EXPECT_EQ(recognise({.in = 6, .round = 5}, 5), nullptr) << "not at the end of a round";
  EXPECT_EQ(recognise({.count = 1}, 0), nullptr);
  EXPECT_EQ(recognise({.count = 0xffffffff}, 0), nullptr);
  EXPECT_EQ(recognise({.shared = 1}, 0), nullptr);
  EXPECT_EQ(recognise({.shared = 128}, 0), nullptr) << "the call is private";
  EXPECT_EQ(recognise({.out = 3}, 0), nullptr);
  EXPECT_NE(recognise({.shared = 128}, 0, kSharedWait), nullptr);
  EXPECT_EQ(recognise({}, 0, kUntimed), nullptr);
}

TEST_F(Barrier, NeedsARegisterOrAName) {
  target.thread(101).with_register(kR8, kObject.value + 4);
  EXPECT_EQ(recognise({}, 0), nullptr);
  target.thread(101).calling("pthread_barrier_wait");
  EXPECT_NE(recognise({}, 0), nullptr);
  target.thread(101).calling("setenv");
  EXPECT_EQ(recognise({}, 0), nullptr);
}

class Once : public ::testing::Test {
 protected:
  const Resource* recognise(std::uint32_t word, std::uint64_t value) {
    target.memory().put_object(kObject, word);
    target.thread(101).in_futex(kObject, kWait, value);
    target.thread(102).in_call(34);
    target.diagnose();
    return target.resource_of(101);
  }

  // glibc 2.34 and later.
  void run_in(std::int32_t tid) {
    target.thread(tid).leaving(kLeft.value);
    target.memory().put_object(kLeft,
                               std::array<std::uint64_t, 3>{0x7f0000004321, kObject.value, 1});
  }

  SnapshotBuilder target;
};

TEST_F(Once, IsRunByTheThreadWhoseCleanupChainSaysSo) {
  run_in(102);
  target.thread(101).without_names();
  const Resource* once = recognise(1, 1);
  ASSERT_NE(once, nullptr);
  EXPECT_EQ(once->kind, ResourceKind::kOnce);
  EXPECT_EQ(once->holder.thread, 1U);
  EXPECT_EQ(once->holder.evidence, Evidence::kRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kInitialisation);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCleanupChain);
  EXPECT_EQ(target.story(), "");
}

TEST_F(Once, IsRunByTheThreadWhoseChainSaysSoInOlderVersions) {
  target.thread(102).leaving(kObject.value);  // until glibc 2.33
  const Resource* once = recognise(9, 9);     // after two forks
  ASSERT_NE(once, nullptr);
  EXPECT_EQ(once->holder.thread, 1U);
}

//     101 ──▶ [once] run by 101
TEST_F(Once, InItsOwnRoutineIsADeadlock) {
  run_in(101);
  ASSERT_NE(recognise(1, 1), nullptr);
  EXPECT_EQ(target.story(), "deadlock: 101 -> 0x680000");
}

TEST_F(Once, ThatIsDoneIsOnItsWay) {
  run_in(102);
  ASSERT_NE(recognise(2, 1), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
}

TEST_F(Once, WithoutAKnownRunnerNeedsAName) {
  target.thread(101).without_names();
  EXPECT_EQ(recognise(1, 1), nullptr);
  target.thread(101).calling("pthread_once@@GLIBC_2.34");
  ASSERT_NE(recognise(1, 1), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(Once, OfTwoWhoSayThatTheyRunItIsNobodys) {
  run_in(102);
  target.thread(103).leaving(kLeft.value);
  target.thread(103).in_call(34);
  target.thread(101).calling("pthread_once");
  ASSERT_NE(recognise(1, 1), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(Once, IsToldFromOtherCalls) {
  run_in(102);
  EXPECT_EQ(recognise(2, 2), nullptr);
  EXPECT_EQ(recognise(0, 0), nullptr);
  target.thread(101).with_stack({"libc.so.6:pthread_barrier_wait", "work"});
  EXPECT_EQ(recognise(1, 1), nullptr);
}

// A chain that leads in a circle, and to nowhere.
TEST_F(Once, IsNotConfusedByAHostileChain) {
  target.memory().put_object(kOwn + kCleanup, kHandler);
  target.memory().put_object(kHandler, std::array<std::uint64_t, 4>{1, 0xdead, 0, kHandler.value});
  target.thread(102).with_thread_pointer(kOwn);
  EXPECT_EQ(recognise(1, 1), nullptr);
}

}  // namespace
}  // namespace pstuck
