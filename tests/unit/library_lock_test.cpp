// Locks that a file describes: the waits that are recognised as theirs.

#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using testing::FakeFrames;
using testing::SnapshotBuilder;

constexpr Address kLock{0x610000};
constexpr std::uint64_t kWaitPrivate = 0x80;

LockDescription ticket_lock() {
  return {.type = "TicketLock", .waits_in = {"app::TicketLock::lock_slow"}, .futex_offset = 8};
}

/// Thread 101 sleeps on the word at kLock + 8 through syscall(), called by these frames.
void sleep_in(SnapshotBuilder& target, FakeFrames frames) {
  frames.insert(frames.begin(), "libc.so.6:syscall");
  target.thread(101)
      .in_futex(kLock + 8, kWaitPrivate, 2)
      .with_stack(std::move(frames))
      .at_code(SnapshotBuilder::kSyscallFunction);
  target.thread(102).runs();
  target.maps({0x600000}, 0x100000);
}

const Resource* waited_for(SnapshotBuilder& target) {
  target.diagnose();
  return target.resource_of(101);
}

TEST(LibraryLock, LiesBeforeItsFutexWord) {
  SnapshotBuilder target;
  sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
  target.options().locks = {ticket_lock()};
  const Resource* lock = waited_for(target);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kLibraryLock);
  EXPECT_EQ(lock->address, kLock);
  EXPECT_EQ(lock->type, "TicketLock");
  EXPECT_EQ(lock->seen.size(), 24U);
  EXPECT_EQ(lock->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kLock);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kFunctionName);
}

TEST(LibraryLock, IsNotClaimedWithoutItsFunction) {
  SnapshotBuilder target;
  sleep_in(target, {"app::TicketLock::lock_slower(int)", "main"});
  target.options().locks = {ticket_lock()};
  EXPECT_EQ(waited_for(target), nullptr);
}

TEST(LibraryLock, RecordsItsOwnerWhereTheFileSaysSo) {
  const auto holder_with = [](std::uint32_t owner) {
    SnapshotBuilder target;
    sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
    LockDescription lock = ticket_lock();
    lock.owner = {.offset = 4};
    target.options().locks = {lock};
    target.memory().put_object(kLock + 4, owner);
    const Resource* found = waited_for(target);
    return found == nullptr ? Holder{} : found->holder;
  };
  EXPECT_EQ(holder_with(102).fate, OwnerFate::kThread);
  EXPECT_EQ(holder_with(102).thread, 1U);
  EXPECT_EQ(holder_with(0).fate, OwnerFate::kInTransition);
  EXPECT_EQ(holder_with(0x80000000).fate, OwnerFate::kNotRecorded) << "no thread has such an id";
}

TEST(LibraryLock, ThatOwnsItselfIsADeadlock) {
  SnapshotBuilder target;
  sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
  LockDescription lock = ticket_lock();
  lock.owner = {.offset = 4};
  target.options().locks = {lock};
  target.memory().put_object(kLock + 4, std::uint32_t{101});
  const Diagnosis& diagnosis = target.diagnose();
  ASSERT_EQ(diagnosis.findings.size(), 1U);
  EXPECT_EQ(diagnosis.findings[0].kind, FindingKind::kDeadlock);
  EXPECT_EQ(diagnosis.findings[0].evidence, Evidence::kRecorded);
}

TEST(LibraryLock, ChoosesWhatItIsByTheWait) {
  const auto kind_of = [](WaitKind wait) {
    SnapshotBuilder target;
    sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
    LockDescription lock = ticket_lock();
    lock.wait = wait;
    target.options().locks = {lock};
    const Resource* found = waited_for(target);
    return found == nullptr ? std::nullopt : std::optional(found->kind);
  };
  EXPECT_EQ(kind_of(WaitKind::kReadLock), ResourceKind::kLibraryLock);
  EXPECT_EQ(kind_of(WaitKind::kUnit), ResourceKind::kSemaphore);
  EXPECT_EQ(kind_of(WaitKind::kNotification), ResourceKind::kCondition);
  EXPECT_EQ(kind_of(WaitKind::kArrivals), ResourceKind::kBarrier);
  EXPECT_EQ(kind_of(WaitKind::kResult), ResourceKind::kFuture);
  EXPECT_EQ(kind_of(WaitKind::kChange), ResourceKind::kAtomic);
  EXPECT_EQ(kind_of(WaitKind::kInitialisation), ResourceKind::kOnce);
}

TEST(LibraryLock, InnermostFunctionCounts) {
  SnapshotBuilder target;
  sleep_in(target, {"app::TicketLock::lock_slow(int)", "app::Cache::lock()", "main"});
  const LockDescription cache{.type = "Cache", .waits_in = {"app::Cache::lock"}, .futex_offset = 0};
  target.options().locks = {cache, ticket_lock()};
  const Resource* lock = waited_for(target);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->type, "TicketLock");
}

TEST(LibraryLock, LeavesAMutexInsideToTheMutex) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(102).runs();
  target.thread(101).waits_for("A").below({"app::TicketLock::lock_slow", "main"});
  target.options().locks = {ticket_lock()};
  const Resource* lock = waited_for(target);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kMutex);
}

TEST(LibraryLock, UnreadableIsNotClaimed) {
  SnapshotBuilder target;
  target.thread(101)
      .in_futex({0x990008}, kWaitPrivate, 2)
      .with_stack({"libc.so.6:syscall", "app::TicketLock::lock_slow(int)"})
      .at_code(SnapshotBuilder::kSyscallFunction);
  target.options().locks = {ticket_lock()};
  EXPECT_EQ(waited_for(target), nullptr);
}

TEST(FunctionNames, AreBareOfWhatTheCompilerAdds) {
  EXPECT_EQ(bare_function_name("g_mutex_lock"), "g_mutex_lock");
  EXPECT_EQ(bare_function_name("sem_wait@@GLIBC_2.34"), "sem_wait");
  EXPECT_EQ(bare_function_name("void app::Lock<int, A<B> >::wait<C>(D const&) const"),
            "app::Lock::wait");
  EXPECT_EQ(bare_function_name("(anonymous namespace)::Lock::wait()"),
            "(anonymous namespace)::Lock::wait");
  EXPECT_EQ(bare_function_name("std::sys::sync::mutex::futex::Mutex::lock_contended"
                               "::h0123456789abcdef"),
            "std::sys::sync::mutex::futex::Mutex::lock_contended");
  EXPECT_EQ(bare_function_name("lock::Mutex::<T>::lock"), "lock::Mutex::lock");
  EXPECT_EQ(bare_function_name("<lock::Mutex<T>>::lock::<U>"), "lock::Mutex::lock");
  EXPECT_EQ(bare_function_name("<lock::Mutex<T> as Raw>::lock"), "lock::Mutex::lock");
  EXPECT_EQ(bare_function_name(""), "");
  EXPECT_EQ(bare_function_name("<<<>"), "");
}

TEST(FunctionNames, AStarStandsForOneComponent) {
  EXPECT_TRUE(names_function("absl::*::Mutex::Lock", "absl::lts_20220623::Mutex::Lock"));
  EXPECT_FALSE(names_function("absl::*::Mutex::Lock", "absl::a::b::Mutex::Lock"));
  EXPECT_FALSE(names_function("absl::*::Mutex::Lock", "absl::a::Mutex::LockSlow"));
  EXPECT_TRUE(names_function("lock*", "lock_slow"));
  EXPECT_FALSE(names_function("lock*", "unlock"));
}

}  // namespace
}  // namespace pstuck
