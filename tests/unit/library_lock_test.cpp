// Locks that a file describes: the waits that are recognised as theirs.

#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "symbolize/function_patterns.h"
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

TEST(LibraryLock, RecordsItsOwnerInAMember) {
  const auto lock_with = [](std::uint64_t size) {
    SnapshotBuilder target;
    sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
    LockDescription lock = ticket_lock();
    lock.owner = {.type = "app::TicketLock", .member = "state_.owner"};
    target.options().locks = {lock};
    target.memory().put_object(kLock + 12, std::uint32_t{102});
    if (size != 0) target.program().members["app::TicketLock::state_.owner"] = {12, size};
    const Resource* found = waited_for(target);
    return found == nullptr ? Resource{} : *found;
  };
  EXPECT_EQ(lock_with(4).holder.thread, 1U);
  EXPECT_FALSE(lock_with(4).owner_gap);
  for (const std::uint64_t wrong : {0U, 3U, 64U}) {
    const Resource lock = lock_with(wrong);
    EXPECT_EQ(lock.holder.fate, OwnerFate::kNotRecorded);
    ASSERT_TRUE(lock.owner_gap);
    EXPECT_EQ(lock.owner_gap->kind, OwnerGap::Kind::kNoMember);
    EXPECT_EQ(lock.owner_gap->what, "app::TicketLock::state_.owner");
  }
}

constexpr Address kThreads{0x620000};

/// The lock records an index; slots of 16 bytes have the threads' ids at 8, two of them.
LockDescription indexed_lock() {
  LockDescription lock = ticket_lock();
  lock.owner = {.offset = 4,
                .unit = LockDescription::OwnerUnit::kIndex,
                .table = LockDescription::Table{
                    .variable = "app::threads", .stride = 16, .offset = 8, .size = 4, .first = 1}};
  return lock;
}

Resource resource_with_index(const LockDescription& lock, std::uint32_t index,
                             std::uint64_t table_size = 32) {
  SnapshotBuilder target;
  sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
  target.options().locks = {lock};
  target.memory().put_object(kLock + 4, index);
  target.memory().put_object(kThreads + 24, std::uint32_t{102});
  target.memory().put_object(kThreads + 40, std::uint32_t{102});
  if (table_size != 0) {
    target.program().own_variables["app::threads"] = {kThreads, kThreads + table_size};
  }
  const Resource* found = waited_for(target);
  return found == nullptr ? Resource{} : *found;
}

TEST(LibraryLock, RecordsItsOwnersIndex) {
  const LockDescription lock = indexed_lock();
  EXPECT_EQ(resource_with_index(lock, 2).holder.thread, 1U);
  EXPECT_EQ(resource_with_index(lock, 0).holder.fate, OwnerFate::kInTransition);
  EXPECT_EQ(resource_with_index(lock, UINT32_MAX).holder.fate, OwnerFate::kInTransition);
  for (const std::uint32_t wrong : {1U, 3U, 0x7fffffffU}) {  // an empty slot, none at all
    const Resource found = resource_with_index(lock, wrong);
    EXPECT_EQ(found.holder.fate, OwnerFate::kNotRecorded);
    ASSERT_TRUE(found.owner_gap);
    EXPECT_EQ(found.owner_gap->kind, OwnerGap::Kind::kNoThread);
    EXPECT_EQ(found.owner_gap->what, std::to_string(wrong));
  }
}

TEST(LibraryLock, NeedsItsTableOfThreads) {
  const Resource found = resource_with_index(indexed_lock(), 2, 0);
  EXPECT_EQ(found.holder.fate, OwnerFate::kNotRecorded);
  ASSERT_TRUE(found.owner_gap);
  EXPECT_EQ(found.owner_gap->kind, OwnerGap::Kind::kNoTable);
  EXPECT_EQ(found.owner_gap->what, "app::threads");
}

TEST(LibraryLock, FindsTheIdInAMemberOfTheSlot) {
  LockDescription lock = indexed_lock();
  lock.owner->table->member = "tid";
  const auto missing = resource_with_index(lock, 2).owner_gap;
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->what, "app::threads[].tid");
  const auto owner_with = [&](const ElementField& field) {
    SnapshotBuilder target;
    sleep_in(target, {"app::TicketLock::lock_slow(int)", "main"});
    target.options().locks = {lock};
    target.memory().put_object(kLock + 4, std::uint32_t{2});
    target.memory().put_object(kThreads + 24, std::uint32_t{102});
    target.program().own_variables["app::threads"] = {kThreads, kThreads + 32};
    target.program().element_members["tid"] = field;
    const Resource* found = waited_for(target);
    return found == nullptr ? std::nullopt : found->holder.thread;
  };
  EXPECT_EQ(owner_with({16, {8, 4}}), 1U);
  EXPECT_FALSE(owner_with({0, {0, 4}}));
  EXPECT_FALSE(owner_with({16, {24, 4}})) << "in the next slot";
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

TEST(LibraryLock, IsTakenAgainUnderAConditionVariable) {
  const auto kind_below = [](const char* caller) {
    SnapshotBuilder target;
    sleep_in(target, {"app::TicketLock::lock_slow(int)", caller, "main"});
    const LockDescription condition{.type = "Condition",
                                    .waits_in = {"app::Condition::wait"},
                                    .wait = WaitKind::kNotification,
                                    .futex_offset = 0};
    target.options().locks = {condition, ticket_lock()};
    const Resource* lock = waited_for(target);
    EXPECT_TRUE(lock != nullptr && lock->type == "TicketLock");
    return target.wait_of(101)->kind;
  };
  EXPECT_EQ(kind_below("app::Condition::wait()"), WaitKind::kRelockAfterCondition);
  EXPECT_EQ(kind_below("app::Cache::get()"), WaitKind::kLock);
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
  EXPECT_EQ(bare_function_name("decltype (f(x)) app::apply<F>(F&&)"), "app::apply");
  EXPECT_EQ(bare_function_name("decltype(auto) app::apply(int)"), "app::apply");
  EXPECT_EQ(bare_function_name("decltype (("), "");
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

TEST(FunctionNames, AreRuledOutBySymbols) {
  EXPECT_TRUE(may_have_name("app::Lock::lock", "_ZN3app4Lock4lockEv"));
  EXPECT_TRUE(may_have_name("app::*::lock*", "_ZN3app1v4Lock9lock_slowEv"));
  EXPECT_TRUE(may_have_name("my_lock", "my_lock@@V1"));
  EXPECT_TRUE(may_have_name("std::mutex::lock", "_ZNSt5mutex4lockEv"));
  EXPECT_FALSE(may_have_name("app::Lock::lock", "_ZN3app4Lock6unlockEv") &&
               may_have_name("app::Lock::try_lock", "_ZN3app4Lock6unlockEv"));
  EXPECT_FALSE(may_have_name("other::lock", "_ZN3app4Lock4lockEv"));
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
