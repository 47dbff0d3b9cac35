// When a thread waits at all, for which thread's end, and until when.

#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "attach/syscalls.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

TEST(Waiting, IsOverWhenTheCallHasReturned) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").returned();
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
  EXPECT_EQ(target.diagnosis().threads[0].activity, Activity::kRuns);
}

TEST(Waiting, GoesOnInARestartedCall) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for_until("A", 2h).restarted();
  target.thread(102).runs();
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  EXPECT_EQ(target.diagnosis().threads[0].syscall, kFutexCall);
  EXPECT_EQ(target.wait_of(101)->deadline->remaining, 1h);
}

TEST(Waiting, GoesOnInARestartedCallWhoseCodeCannotBeRead) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for_until("A", 2h).restarted().at_code({0x1234});
  target.thread(102).runs();
  target.diagnose();
  EXPECT_NE(target.wait_of(101), nullptr);
}

TEST(Waiting, IsNotReadOutOfAnotherRestartedCall) {
  SnapshotBuilder target;
  constexpr Address kNanosleep{0x7f0000005000};
  target.memory().put_code_before(kNanosleep, {0xb8, 0xe6, 0, 0, 0, 0x0f, 0x05});
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for_until("A", 2h).restarted().at_code(kNanosleep);
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
  EXPECT_EQ(target.diagnosis().threads[0].syscall, 230);
  EXPECT_EQ(target.diagnosis().threads[0].activity, Activity::kSleeps);
}

TEST(Waiting, RestartedWithNothingToGoByIsLeftAlone) {
  SnapshotBuilder target;
  target.thread(101).in_futex({0x10}, 0x189, 0, {0x20}).restarted().at_code({0x1234});
  target.diagnose();
  EXPECT_EQ(target.diagnosis().threads[0].syscall, kRestartSyscall);
  EXPECT_EQ(target.diagnosis().threads[0].activity, Activity::kBlocked);
}

TEST(Waiting, AfterAConditionIsForItsMutex) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack(
      {"libc.so.6:__lll_lock_wait", "libc.so.6:__pthread_mutex_cond_lock",
       "libc.so.6:___pthread_cond_wait", "Queue::pop", "worker_main"});
  target.thread(102).runs();
  target.thread(103)
      .waits_for("A")
      .with_stack({"libc.so.6:", "Queue::pop"})
      .calling("pthread_cond_timedwait");
  target.diagnose();
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kRelockAfterCondition);
  EXPECT_EQ(target.wait_of(101)->frame, 3U);
  EXPECT_EQ(target.wait_of(103)->kind, WaitKind::kRelockAfterCondition);
}

TEST(Join, WaitsForAThread) {
  SnapshotBuilder target;
  target.thread(101).joins(102);
  target.thread(102).in_call(0);
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kJoin);
  const Resource& resource = target.diagnosis().resources.at(0);
  EXPECT_EQ(resource.kind, ResourceKind::kThread);
  EXPECT_EQ(resource.holder.thread, 1U);
  EXPECT_EQ(resource.address.value % 4096, 0U);
  EXPECT_EQ(target.story(), "");
}

TEST(Join, IsSurestByTheCleanupChain) {
  SnapshotBuilder target;
  target.thread(101).joins(102);
  target.thread(102).runs();
  target.diagnose();
  const Address joined = target.diagnosis().resources.at(0).address;
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
  constexpr Address kOwn{0x7a0000000000};
  constexpr Address kHandler{0x7b0000000000};
  target.memory().put_object(kOwn + 760, kHandler);
  target.memory().put_object(kHandler, std::array<std::uint64_t, 2>{1, (joined + 1568).value});
  target.thread(101).with_thread_pointer(kOwn);
  target.diagnose();
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCleanupChain);
}

TEST(Join, NeedsAThreadDescriptor) {
  SnapshotBuilder target;
  target.memory().put_object(Address{0x500000}, std::array<std::uint64_t, 100>{});
  target.memory().put_object(Address{0x500000 + 720}, std::uint32_t{102});
  target.thread(101).in_futex({0x500000 + 720}, 0x109, 102);
  target.thread(102).runs();
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

TEST(Join, OfAThreadThatHasJustEndedIsInTransition) {
  SnapshotBuilder target;
  target.thread(101).joins(102).whose_word_is(0);
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.diagnosis().resources.at(0).holder.fate, OwnerFate::kInTransition);
}

TEST(Deadline, CountsInTheCallsClock) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.mutex("P").of_kind(0x220).owned_by(102);
  const auto realtime = *target.facts().realtime;
  target.memory().put_object(
      Address{0x900000}, std::array<std::int64_t, 2>{(realtime.count() / 1'000'000'000) + 5, 0});
  target.thread(101).in_futex(target.address_of("A"), 0x189, 2, {0x900000});
  target.thread(102).runs();
  target.thread(103).in_futex(target.address_of("P"), 0x86, 0, {0x900000});
  target.thread(104).waits_for_until("A", 1h - 3s);
  target.diagnose();
  EXPECT_TRUE(target.wait_of(101)->deadline->realtime);
  EXPECT_EQ(target.wait_of(101)->deadline->remaining, 5s);
  EXPECT_EQ(target.wait_of(103)->deadline->remaining, 5s);
  EXPECT_FALSE(target.wait_of(104)->deadline->realtime);
  EXPECT_EQ(target.wait_of(104)->deadline->remaining, -3s);
}

// glibc before 2.30 waits with a relative time.
TEST(Deadline, OfAPlainWaitIsRelative) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.memory().put_object(Address{0x900000}, std::array<std::int64_t, 2>{30, 0});
  target.thread(101).in_futex(target.address_of("A"), 0x80, 2, {0x900000}).asleep_for(10s);
  target.thread(102).runs();
  target.thread(103).in_futex(target.address_of("A"), 0x80, 2, {0x900000});
  target.diagnose();
  EXPECT_EQ(target.wait_of(101)->deadline->remaining, 20s);
  EXPECT_EQ(target.wait_of(101)->deadline->at, 1h + 20s);
  EXPECT_EQ(target.wait_of(103)->deadline->remaining, 30s);
}

TEST(Deadline, HasNoRemainderInACore) {
  SnapshotBuilder target;
  target.facts().kind = TargetKind::kCore;
  target.facts().monotonic.reset();
  target.facts().realtime.reset();
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for_until("A", 2h);
  target.thread(102).runs();
  target.diagnose();
  ASSERT_TRUE(target.wait_of(101)->deadline);
  EXPECT_FALSE(target.wait_of(101)->deadline->remaining);
}

TEST(Deadline, MayBeForEverOrNonsense) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  const std::array<std::int64_t, 2> times[] = {
      {INT64_MAX, 999'999'999}, {-1, 0}, {0, 1'000'000'000}, {0, -1}};
  for (std::int32_t i = 0; i < 4; ++i) {
    const Address at{0x900000 + static_cast<std::uint64_t>(i) * 16};
    target.memory().put_object(at, times[i]);
    target.thread(103 + i).in_futex(target.address_of("A"), 0x89, 2, at);
  }
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.wait_of(103)->deadline->at, std::chrono::nanoseconds::max());
  for (const std::int32_t tid : {104, 105, 106}) {
    EXPECT_FALSE(target.wait_of(tid)->deadline) << tid;
  }
}

}  // namespace
}  // namespace pstuck
