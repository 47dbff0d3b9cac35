#include <gtest/gtest.h>

#include "attach/fork_parent.h"
#include "cli/lock_file.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck::testing {
namespace {

constexpr Address kBlock{0x600000};
constexpr Address kSemaphore{0x600040};
constexpr std::uint64_t kMallocSize = 0x31;

/// A block of malloc with a semaphore in it.
struct Block {
  std::uint64_t size = kMallocSize;
  std::uint32_t value = 0;
  std::uint32_t waiters = 0;
  std::uint32_t shared = 0;
  std::uint32_t unused = 0;
};

/// Whose only thread waits for a lock of Python's, with Python's handler of SIGINT.
class ForkedProcess : public ::testing::Test {
 protected:
  ForkedProcess() {
    target_.maps(kBlock, 0x1000);
    target_.facts().process.forked_from = ForkedFrom{.pid = Tid{90}, .name = "parent"};
    catches(2);
    target_.memory().put_object(kSemaphore - 8, Block{.waiters = 1});
    target_.options().rules = parse_lock_file(thread_rules(), "thread_rules.toml").rules;
    target_.thread(101)
        .in_futex(kSemaphore, 0x189, 0)
        .with_stack({"libc.so.6:__futex_abstimed_wait_common", "libc.so.6:__new_sem_wait_slow64",
                     "libc.so.6:sem_wait", "PyThread_acquire_lock_timed", "main"});
  }

  void catches(int signal) {
    target_.facts().process.caught_signals |= std::uint64_t{1} << (signal - 1);
  }

  void parent_has(const Block& block) {
    target_.tasks().parent_memory.put_object(kSemaphore - 8, block);
  }

  bool is_stuck() {
    const auto& findings = target_.diagnose().findings;
    return findings.size() == 1 && findings[0].kind == FindingKind::kAllAsleep;
  }

  SnapshotBuilder target_;
};

TEST_F(ForkedProcess, IsStuckAtALockThatTheParentHasToo) {
  parent_has({.value = 0});
  ASSERT_TRUE(is_stuck());
  EXPECT_EQ(target_.diagnosis().findings[0].evidence, Evidence::kInferred);
  EXPECT_EQ(target_.diagnosis().resources[0].value_in_parent, 0U);
  parent_has({.value = 1});
  EXPECT_TRUE(is_stuck());
  EXPECT_EQ(target_.diagnosis().resources[0].value_in_parent, 1U);
}

// malloc notes in a block's size whether the block before it is in use.
TEST_F(ForkedProcess, KnowsTheLockWhateverBecameOfTheBlockBefore) {
  parent_has({.size = kMallocSize - 1});
  EXPECT_TRUE(is_stuck());
}

TEST_F(ForkedProcess, IsNotStuckAtALockOfItsOwn) {
  EXPECT_FALSE(is_stuck());  // the parent has no memory there
  parent_has({.size = 0x41});
  EXPECT_FALSE(is_stuck());
  parent_has({.value = 4711});
  EXPECT_FALSE(is_stuck());
  parent_has({.shared = 0x7f00});
  EXPECT_FALSE(is_stuck());
}

TEST_F(ForkedProcess, IsNotStuckWhereAHandlerMayAct) {
  parent_has({});
  catches(15);
  EXPECT_FALSE(is_stuck());
}

TEST_F(ForkedProcess, IsNotStuckAtASemaphoreThatMayBeNoLock) {
  parent_has({});
  target_.options().rules.clear();
  EXPECT_FALSE(is_stuck());
}

TEST_F(ForkedProcess, IsNotStuckWhereItWasNotForked) {
  parent_has({});
  target_.facts().process.forked_from.reset();
  EXPECT_FALSE(is_stuck());
}

TEST_F(ForkedProcess, IsSurelyStuckWithoutHandlers) {
  target_.facts().process.caught_signals = 0;
  ASSERT_TRUE(is_stuck());
  EXPECT_EQ(target_.diagnosis().findings[0].evidence, Evidence::kRecorded);
}

TEST(RandomAddress, IsFoundInTheAuxiliaryVector) {
  const std::array<std::uint64_t, 6> entries = {33, 0x7f00, 25, 0x7ffd10, 0, 0};
  const std::string_view text(reinterpret_cast<const char*>(entries.data()), sizeof entries);
  EXPECT_EQ(parse_random_address(text), Address{0x7ffd10});
  EXPECT_EQ(parse_random_address(text.substr(0, 31)), std::nullopt);
  EXPECT_EQ(parse_random_address(""), std::nullopt);
}

}  // namespace
}  // namespace pstuck::testing
