#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

// Waits for glibc's condition variables and semaphores, whose waiters leave a cleanup handler.

namespace pstuck {
namespace {

using testing::SnapshotBuilder;

constexpr std::uint64_t kWait = 0x80;      // FUTEX_WAIT | private
constexpr std::uint64_t kUntimed = 0x189;  // FUTEX_WAIT_BITSET | private | real time
constexpr std::uint64_t kSharedUntimed = 0x109;
constexpr Address kObject{0x680000};
constexpr Address kLeft{0x7b0000001000};

struct LeftByWait {
  std::uint64_t sequence;
  Address condition;
  Address mutex;
  std::uint64_t shared;
};

class Condition : public ::testing::Test {
 protected:
  Condition() { target.memory().put_object(kObject, std::array<std::uint64_t, 6>{}); }

  const Resource* recognise(std::uint64_t offset, std::uint64_t sequence,
                            std::uint64_t operation = kUntimed, std::uint64_t value = 0) {
    target.thread(101).leaving(kLeft.value);
    target.memory().put_object(kLeft, LeftByWait{sequence, kObject, {0x690000}, 0});
    target.thread(101).in_futex(kObject + offset, operation, value).without_names();
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(Condition, IsKnownWithItsMutexByTheCleanupChain) {
  const Resource* condition = recognise(40, 12);
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->kind, ResourceKind::kCondition);
  EXPECT_EQ(condition->address, kObject);
  ASSERT_TRUE(condition->condition_mutex);
  EXPECT_EQ(condition->condition_mutex->address, Address{0x690000});
  EXPECT_EQ(condition->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kNotification);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCleanupChain);
}

TEST_F(Condition, HasTwoGroupsInEachLayout) {
  EXPECT_NE(recognise(44, 13), nullptr);
  EXPECT_NE(recognise(32, 12, kUntimed, 0x71234), nullptr) << "glibc 2.41: any value";
  EXPECT_NE(recognise(36, 13, kUntimed, 2), nullptr);
  EXPECT_NE(recognise(40, 12, kWait), nullptr) << "glibc 2.28";
}

TEST_F(Condition, IsNotGuessedWhereTheChainDisagrees) {
  EXPECT_EQ(recognise(44, 12), nullptr) << "the other group";
  EXPECT_EQ(recognise(32, 13), nullptr);
  for (const std::uint64_t offset : {0U, 4U, 8U, 16U, 20U, 24U, 28U, 48U, 52U}) {
    EXPECT_EQ(recognise(offset, 0), nullptr) << offset;
    EXPECT_EQ(recognise(offset, 1), nullptr) << offset;
  }
}

TEST_F(Condition, OfSeveralProcessesSaysSo) {
  const Resource* condition = recognise(40, 12, kSharedUntimed);
  ASSERT_NE(condition, nullptr);
  EXPECT_TRUE(condition->process_shared);
}

TEST_F(Condition, NeedNotBeReadable) {
  target.memory().forget(kObject);
  const Resource* condition = recognise(40, 12, kSharedUntimed);
  ASSERT_NE(condition, nullptr);
  EXPECT_TRUE(condition->seen.empty());
}

TEST_F(Condition, IsKnownByNameWhereTheThreadPointerIsNot) {
  struct {
    std::uint64_t sequence = 8, start = 2;
    std::array<std::uint32_t, 4> groups{};
    std::uint32_t original_size = 0, waiters = 8;
    std::array<std::uint32_t, 2> signals{};
  } bytes;
  target.memory().put_object(kObject, bytes);
  target.thread(101)
      .in_futex(kObject + 40, kUntimed, 0)
      .with_stack(
          {"libc.so.6:__futex_abstimed_wait_common", "libc.so.6:pthread_cond_wait", "work"});
  target.thread(102).in_futex(kObject + 40, kUntimed, 0).without_names();
  target.diagnose();
  ASSERT_NE(target.resource_of(101), nullptr);
  EXPECT_EQ(target.resource_of(101)->address, kObject);
  EXPECT_FALSE(target.resource_of(101)->condition_mutex);
  EXPECT_EQ(target.wait_of(102), nullptr);
  bytes.waiters = 0;
  target.memory().put_object(kObject, bytes);
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
}

struct SemaphoreWords {
  std::uint32_t value = 0;
  std::uint32_t waiters = 1;
  std::uint32_t shared = 0;
  std::uint32_t padding = 0xdddddddd;
};

class Semaphore : public ::testing::Test {
 protected:
  const Resource* recognise(const SemaphoreWords& words, std::uint64_t operation = kUntimed) {
    target.memory().put_object(kObject, words);
    target.thread(101).in_futex(kObject, operation, 0);
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(Semaphore, IsKnownByTheCleanupChain) {
  target.thread(101).leaving(kObject.value);
  target.thread(101).without_names();
  const Resource* semaphore = recognise({});
  ASSERT_NE(semaphore, nullptr);
  EXPECT_EQ(semaphore->kind, ResourceKind::kSemaphore);
  EXPECT_EQ(semaphore->value, 0U);
  EXPECT_EQ(semaphore->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(semaphore->seen.size(), 12U);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kUnit);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCleanupChain);
}

TEST_F(Semaphore, IsKnownByNames) {
  target.thread(101).with_stack({"libc.so.6:", "work"}).calling("sem_wait@@GLIBC_2.34");
  ASSERT_NE(recognise({}), nullptr);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCallSite);
  target.thread(101).with_stack({"libpthread.so.0:do_futex_wait.constprop.1",
                                 "libpthread.so.0:__new_sem_wait_slow.constprop.0", "work"});
  EXPECT_NE(recognise({}), nullptr) << "glibc 2.28";
  target.thread(101).without_names().calling("");
  EXPECT_EQ(recognise({}), nullptr);
}

TEST_F(Semaphore, WithAUnitIsOnItsWay) {
  target.thread(101).leaving(kObject.value);
  const Resource* semaphore = recognise({.value = 1});
  ASSERT_NE(semaphore, nullptr);
  EXPECT_EQ(semaphore->holder.fate, OwnerFate::kInTransition);
}

TEST_F(Semaphore, WithWordsThatDisagreeIsNone) {
  target.thread(101).leaving(kObject.value);
  EXPECT_EQ(recognise({.waiters = 0}), nullptr);
  EXPECT_EQ(recognise({.waiters = 1000}), nullptr);
  EXPECT_EQ(recognise({.shared = 1}), nullptr);
  EXPECT_EQ(recognise({.shared = 128}), nullptr) << "the call is private";
  EXPECT_NE(recognise({.waiters = 1000, .shared = 128}, kSharedUntimed), nullptr);
  EXPECT_EQ(recognise({}, kWait), nullptr);
}

TEST_F(Semaphore, ThatHasANameIsCalledByIt) {
  Mapping& mapping = target.maps(Address{0x680000}, 0x1000);
  mapping.shared = true;
  mapping.path = "/dev/shm/sem.jobs";
  target.thread(101).leaving(kObject.value);
  ASSERT_NE(recognise({.shared = 128}, kSharedUntimed), nullptr);
  EXPECT_EQ(target.resource_of(101)->name, "/jobs");
  EXPECT_TRUE(target.resource_of(101)->process_shared);
  target.facts().mappings.at(0).deleted = true;  // the creator's own mapping
  ASSERT_NE(recognise({.shared = 128}, kSharedUntimed), nullptr);
  EXPECT_EQ(target.resource_of(101)->name, "");
}

}  // namespace
}  // namespace pstuck
