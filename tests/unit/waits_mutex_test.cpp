// Who waits for a mutex: the registers and its bytes must agree.

#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::SnapshotBuilder;

constexpr std::size_t kR14 = 14;
constexpr std::size_t kRsp = 7;

struct KindCase {
  const char* name;
  std::uint32_t bits;
  MutexTraits traits;
};

bool are_same(const MutexTraits& a, const MutexTraits& b) {
  return a.type == b.type && a.protocol == b.protocol && a.robust == b.robust &&
         a.process_shared == b.process_shared;
}

class EveryKind : public ::testing::TestWithParam<KindCase> {};

//     101 ──▶ [A] held by 102 ──▶ [B] held by 101
TEST_P(EveryKind, IsRecognisedInACycle) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(GetParam().bits).owned_by(102);
  target.mutex("B").of_kind(GetParam().bits).owned_by(101);
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> B");
  EXPECT_TRUE(are_same(*target.resource("A").mutex, GetParam().traits));
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kLock);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
}

TEST_P(EveryKind, IsRecognisedWithoutAnyName) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(GetParam().bits).owned_by(102);
  target.thread(101).waits_for("A").without_names();
  target.thread(102).runs();
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  EXPECT_EQ(target.resource("A").holder.thread, 1U);
}

TEST_P(EveryKind, IsRecognisedInATimedWait) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(GetParam().bits).owned_by(102);
  target.thread(101).waits_for_until("A", 1h + 4s);
  target.thread(102).runs();
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  ASSERT_TRUE(target.wait_of(101)->deadline);
  EXPECT_EQ(target.wait_of(101)->deadline->at, 1h + 4s);
}

TEST_P(EveryKind, OnItsWayIsNoFinding) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(GetParam().bits);
  target.thread(101).waits_for("A");
  if ((GetParam().bits & 0x30) == 0x10) {  // the value names an owner that has just let go
    target.thread(101).in_futex(target.address_of("A"), 0, 0x80000000 | 102);
  }
  target.diagnose();
  EXPECT_EQ(target.story(), "");
  if (const Wait* wait = target.wait_of(101)) {
    const Holder& holder = target.diagnosis().resources.at(wait->resource).holder;
    EXPECT_EQ(holder.fate, OwnerFate::kInTransition);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Glibc, EveryKind,
    ::testing::Values(
        KindCase{"normal", 0, {}}, KindCase{"explicit_normal", 0x200, {}},
        KindCase{"recursive", 1, {.type = MutexType::kRecursive}},
        KindCase{"error_check", 2, {.type = MutexType::kErrorCheck}},
        KindCase{"adaptive", 3, {.type = MutexType::kAdaptive}},
        KindCase{"process_shared", 0x280, {.process_shared = true}},
        KindCase{"robust", 0x290, {.robust = true}},
        KindCase{"inherit", 0x220, {.protocol = MutexProtocol::kInherit}},
        KindCase{"inherit_recursive",
                 0x221,
                 {.type = MutexType::kRecursive, .protocol = MutexProtocol::kInherit}},
        KindCase{"robust_inherit", 0x2b0, {.protocol = MutexProtocol::kInherit, .robust = true}},
        KindCase{"protect", 0x240, {.protocol = MutexProtocol::kProtect}}),
    [](const auto& instance) { return instance.param.name; });

TEST(Mutex, CountsHowOftenARecursiveOneIsLocked) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(1).owned_by(102).locked_times(3);
  target.thread(101).waits_for("A");
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.resource("A").recursion, 3U);
}

TEST(Mutex, OfTwoKindsAtOnceIsNone) {
  for (const std::uint32_t kind : {0x60U, 0x50U, 0x300U, 0x4U, 0x400U, 0x80000000U}) {
    EXPECT_FALSE(parse_mutex_kind(kind)) << kind;
  }
}

TEST(Mutex, WithFieldsThatDisagreeIsNone) {
  const MutexBytes held{.head = {.lock = 2, .owner = 102, .nusers = 1}};
  const auto is_recognised = [](const MutexBytes& bytes) {
    SnapshotBuilder target;
    target.mutex("A").with_bytes(bytes);
    target.thread(101).waits_for("A");
    target.thread(102).runs();
    target.diagnose();
    return target.wait_of(101) != nullptr;
  };
  EXPECT_TRUE(is_recognised(held));
  auto change = [&](auto&& edit) {
    MutexBytes bytes = held;
    edit(bytes);
    return is_recognised(bytes);
  };
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.lock = 3; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.count = 1; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.owner = 0x7fff0000; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.kind = 0xc; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.spins = 7; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.elision = -2; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.next = 1; }));
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.kind = 0x10; }));  // the call is not robust's
  EXPECT_FALSE(change([](MutexBytes& m) { m.head.kind = 0x80; }));  // the call is private
}

TEST(Mutex, InElisionsFallbackRecordsNoOwner) {
  SnapshotBuilder target;
  target.mutex("A").with_bytes({.head = {.lock = 2, .kind = 0x100}});
  target.thread(101).waits_for("A");
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kNotRecorded);
}

TEST(Mutex, IsAligned) {
  SnapshotBuilder target;
  target.memory().put_object(Address{0x500004},
                             MutexBytes{.head = {.lock = 2, .owner = 102, .nusers = 1}});
  target.thread(101).in_futex({0x500004}, 0x80, 2).with_stack({"libc.so.6:pthread_mutex_lock"});
  target.thread(102).runs();
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

constexpr Address kOwnStack{0x7c0000001000};

// Leaves a thread as glibc does: asleep on a zero of its own stack, the mutex's kind field in r14.
testing::FakeThread& refuse(SnapshotBuilder& target, std::int32_t tid, const std::string& mutex) {
  const Address stack = kOwnStack + static_cast<std::uint64_t>(tid) * 4096;
  target.memory().put_object(stack + 0x54, std::uint32_t{0});
  return target.thread(tid)
      .in_futex(stack + 0x54, 0x189, 0)
      .with_register(kRsp, stack.value)
      .with_register(kR14, (target.address_of(mutex) + 16).value);
}

//     101 ──▶ [A] held by 101
TEST(RefusedInheritance, IsASelfDeadlock) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(101);
  refuse(target, 101, "A")
      .with_stack({"libc.so.6:__futex_abstimed_wait_common", "libc.so.6:__pthread_mutex_lock_full",
                   "work"});
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A");
}

//     101 ──▶ [A] held by 102 ──▶ [B] held by 101      the kernel refused the second who came
TEST(RefusedInheritance, ClosesACycle) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(102);
  target.mutex("B").of_kind(0x220).owned_by(101);
  target.thread(101).waits_for("A");
  refuse(target, 102, "B").without_names();
  target.diagnose();
  EXPECT_EQ(target.story(), "deadlock: 101 -> A 102 -> B");
}

TEST(RefusedInheritance, OfADeadOwnerTellsThatItExited) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(999);
  refuse(target, 101, "A").without_names();
  target.diagnose();
  EXPECT_EQ(target.story(), "exited: A | behind: 101");
}

TEST(RefusedInheritance, IsNoSemaphoreOnTheStack) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(101);
  refuse(target, 101, "A").with_stack({"libc.so.6:__new_sem_wait_slow64", "work"});
  refuse(target, 102, "A").with_stack({"libc.so.6:", "work"}).calling("pthread_cond_wait");
  refuse(target, 103, "A").with_stack({"libc.so.6:", "work"}).calling("sem_wait");
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

TEST(RefusedInheritance, HappensOnlyToKindsThatReturnNoError) {
  for (const std::uint32_t kind : {0x221U, 0x222U, 0x200U, 0x240U}) {
    SnapshotBuilder target;
    target.mutex("A").of_kind(kind).owned_by(101);
    refuse(target, 101, "A").without_names();
    target.diagnose();
    EXPECT_TRUE(target.diagnosis().waits.empty()) << kind;
  }
}

TEST(RefusedInheritance, OfTwoCandidatesIsNotGuessed) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(101);
  target.mutex("B").of_kind(0x220).owned_by(101);
  refuse(target, 101, "A").with_register(13, (target.address_of("B") + 16).value);
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

// The program's own pointer to a mutex that it holds is in a register too.
TEST(RefusedInheritance, IsNotReadOutOfTheProgramsRegisters) {
  SnapshotBuilder target;
  target.mutex("A").of_kind(0x220).owned_by(101);
  refuse(target, 101, "A")
      .with_register(kR14, target.address_of("A").value)
      .with_stack({"libc.so.6:__pthread_mutex_lock_full", "work"});
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

}  // namespace
}  // namespace pstuck
