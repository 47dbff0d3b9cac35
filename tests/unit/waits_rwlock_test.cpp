#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "analyzers/waits/rwlock_layout.h"
#include "tests/support/snapshot_builder.h"

// Waits for glibc's rwlock: the words are those that glibc 2.36 left, and some that no glibc
// leaves.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

constexpr std::uint64_t kWait = 0x80;      // FUTEX_WAIT | private
constexpr std::uint64_t kUntimed = 0x189;  // FUTEX_WAIT_BITSET | private | real time
constexpr std::uint64_t kSharedUntimed = 0x109;
constexpr std::uint64_t kMonotonicUntil = 0x89;  // FUTEX_WAIT_BITSET | private
constexpr Address kObject{0x680000};

RwlockBytes written_by(std::uint32_t writer) {
  return {.readers = 0xb, .write_phase_futex = 3, .writers_futex = 3, .writer = writer};
}

RwlockBytes read_by(std::uint32_t readers) {
  return {.readers = readers << 3 | 2, .write_phase_futex = 2, .writers_futex = 3};
}

class Rwlock : public ::testing::Test {
 protected:
  const Resource* recognise(const RwlockBytes& bytes, std::uint64_t offset, std::uint64_t value,
                            std::uint64_t operation = kUntimed) {
    target.memory().put_object(kObject, bytes);
    target.thread(101).in_futex(kObject + offset, operation, value);
    target.thread(102).runs();
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(Rwlock, RecordsItsWriter) {
  const Resource* rwlock = recognise(written_by(102), 8, 3);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->kind, ResourceKind::kRwlock);
  EXPECT_EQ(rwlock->address, kObject);
  EXPECT_EQ(rwlock->holder.thread, 1U);
  EXPECT_EQ(rwlock->rwlock, (RwlockState{.readers = 0, .write_locked = true}));
  EXPECT_EQ(rwlock->seen.size(), 24U);
  EXPECT_FALSE(rwlock->process_shared);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kReadLock);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
  EXPECT_NE(recognise(written_by(102), 12, 3), nullptr);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kWriteLock);
}

TEST_F(Rwlock, OnlyCountsItsReaders) {
  const Resource* rwlock = recognise(read_by(2), 8, 2);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(rwlock->rwlock, (RwlockState{.readers = 2, .waiting_writers = 1}));
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kWriteLock);
  rwlock = recognise(read_by(2), 12, 3);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(Rwlock, CountsOnlyTheFirstOfTheWritersThatWait) {
  target.thread(103).in_futex(kObject + 12, kUntimed, 3);
  const Resource* rwlock = recognise(read_by(1), 8, 2);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->rwlock, (RwlockState{.readers = 1, .waiting_writers = 2}));
}

TEST_F(Rwlock, ThatPutsWritersFirstKeepsReadersOut) {
  RwlockBytes bytes = read_by(1);
  bytes.readers |= 4;
  bytes.writers = 1;
  bytes.flags = 2;
  const Resource* rwlock = recognise(bytes, 0, 0xe);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->address, kObject);
  EXPECT_EQ(rwlock->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(rwlock->rwlock, (RwlockState{.readers = 1, .waiting_writers = 2}));
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kReadLock);
}

TEST_F(Rwlock, OfSeveralProcessesSaysSo) {
  RwlockBytes bytes = written_by(102);
  bytes.shared = 1;
  EXPECT_EQ(recognise(bytes, 8, 3), nullptr) << "the call is private";
  const Resource* rwlock = recognise(bytes, 8, 3, kSharedUntimed);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_TRUE(rwlock->process_shared);
}

TEST_F(Rwlock, OfSeveralProcessesInACoreCanBeAnothers) {
  target.facts().kind = TargetKind::kCore;
  RwlockBytes bytes = written_by(999);
  bytes.shared = 1;
  const Resource* rwlock = recognise(bytes, 8, 3, kSharedUntimed);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->holder.fate, OwnerFate::kOtherProcess);
  bytes.shared = 0;
  EXPECT_EQ(recognise(bytes, 8, 3)->holder.fate, OwnerFate::kExited);
}

TEST_F(Rwlock, ChangingHandsHasNobody) {
  RwlockBytes bytes = written_by(0);  // the writer has not written its id yet, or has just left
  target.thread(101).with_stack({"libc.so.6:__pthread_rwlock_rdlock", "work"});
  ASSERT_NE(recognise(bytes, 8, 3), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
  // The reader that sleeps has it by now, and will wake up.
  ASSERT_NE(recognise(read_by(1), 8, 3), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
  ASSERT_NE(recognise(RwlockBytes{}, 8, 3), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
}

TEST_F(Rwlock, ChangingHandsNeedsAName) {
  EXPECT_EQ(recognise(written_by(0), 8, 3), nullptr);
  EXPECT_EQ(recognise(read_by(1), 8, 3), nullptr);
}

TEST_F(Rwlock, OfThreadThatUpgradesWaitsForItself) {
  // Its own read lock is the one that is counted: nothing records that, so no holder.
  const Resource* rwlock = recognise(read_by(1), 8, 2);
  ASSERT_NE(rwlock, nullptr);
  EXPECT_FALSE(rwlock->holder.thread);
}

TEST_F(Rwlock, WithFieldsThatDisagreeIsNone) {
  const auto change = [&](auto&& edit) {
    RwlockBytes bytes = written_by(102);
    edit(bytes);
    return recognise(bytes, 8, 3) != nullptr;
  };
  EXPECT_TRUE(change([](RwlockBytes&) {}));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.readers = 0xffffffff; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.writers = 77; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.write_phase_futex = 4; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.write_phase_futex = 1; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.writers_futex = 0x80000003; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.padding = 1; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.writer = 0x7fffffff; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.shared = 2; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.elision = 1; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.more_padding = 1; }));
  EXPECT_FALSE(change([](RwlockBytes& r) { r.flags = 3; }));
}

TEST_F(Rwlock, IsToldFromOtherCalls) {
  EXPECT_EQ(recognise(written_by(102), 8, 3, kWait), nullptr) << "glibc 2.24 and older";
  EXPECT_EQ(recognise(written_by(102), 8, 3, kMonotonicUntil), nullptr) << "Rust's RwLock";
  EXPECT_EQ(recognise(written_by(102), 8, 4), nullptr);
  EXPECT_EQ(recognise(written_by(102), 4, 3), nullptr);
  target.thread(101).at_code(SnapshotBuilder::kSyscallFunction);
  EXPECT_EQ(recognise(written_by(102), 8, 3), nullptr);
  target.thread(101)
      .at_code(SnapshotBuilder::kLibcWait)
      .with_stack(
          {"libc.so.6:__futex_abstimed_wait_common", "libc.so.6:__new_sem_wait_slow64", "work"});
  EXPECT_EQ(recognise(written_by(102), 8, 3), nullptr);
}

TEST_F(Rwlock, IsRecognisedInATimedWait) {
  target.memory().put_object(Address{0x900000}, std::array<std::int64_t, 2>{3700, 0});
  target.memory().put_object(kObject, written_by(102));
  target.thread(101).in_futex(kObject + 8, kMonotonicUntil, 3, {0x900000}).without_names();
  target.thread(102).runs();
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  EXPECT_EQ(target.wait_of(101)->deadline->remaining, 100s);
}

TEST_F(Rwlock, InMemoryThatACoreLeftOutIsKnownByName) {
  target.thread(101).in_futex(kObject + 12, kSharedUntimed, 3).calling("pthread_rwlock_wrlock");
  target.thread(102).in_futex(kObject + 12, kSharedUntimed, 3).without_names();
  target.diagnose();
  ASSERT_NE(target.resource_of(101), nullptr);
  EXPECT_EQ(target.resource_of(101)->address, kObject);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kUnreadable);
  EXPECT_EQ(target.wait_of(102), nullptr);
}

}  // namespace
}  // namespace pstuck
