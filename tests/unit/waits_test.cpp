#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "attach/syscalls.h"
#include "tests/support/snapshot_builder.h"

// Who waits for what: the registers, the bytes of the lock and the names must agree.

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
  EXPECT_EQ(target.diagnosis().threads[0].syscall, kFutex);
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
  std::vector<std::byte> code(32, std::byte{0x90});
  const unsigned char end[] = {0xb8, 0xe6, 0, 0, 0, 0x0f, 0x05};
  std::memcpy(code.data() + 25, end, sizeof end);
  target.memory().put(kNanosleep - 32, code);
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

bool waits_for_mutex(const SnapshotBuilder& target, std::int32_t tid) {
  const Wait* wait = target.wait_of(tid);
  return wait != nullptr &&
         target.diagnosis().resources.at(wait->resource).kind == ResourceKind::kMutex;
}

class OtherPrimitive : public ::testing::TestWithParam<const char*> {};

// Even bytes that look like a mutex owned by a live thread do not stand against a name.
TEST_P(OtherPrimitive, OnTheStackVetoes) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack(
      {"libc.so.6:__lll_lock_wait_private", std::string("libc.so.6:") + GetParam(), "work"});
  target.thread(102).runs();
  target.diagnose();
  EXPECT_FALSE(waits_for_mutex(target, 101));
}

TEST_P(OtherPrimitive, AtTheCallSiteVetoes) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack({"libc.so.6:", "app:"}).calling(GetParam());
  target.thread(102).runs();
  target.diagnose();
  EXPECT_FALSE(waits_for_mutex(target, 101));
}

TEST_P(OtherPrimitive, InAStaticBinaryVetoes) {
  SnapshotBuilder target;
  target.facts().modules.pop_back();
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack({"__lll_lock_wait_private", GetParam(), "work"});
  target.thread(102).runs();
  target.diagnose();
  EXPECT_FALSE(waits_for_mutex(target, 101));
}

INSTANTIATE_TEST_SUITE_P(Names, OtherPrimitive,
                         ::testing::Values("malloc", "_int_free", "__GI___libc_malloc", "fputs",
                                           "_IO_puts", "vfprintf", "pthread_rwlock_wrlock",
                                           "__new_sem_wait_slow64.constprop.0", "pthread_once_slow",
                                           "pthread_barrier_wait@@GLIBC_2.34", "syscall",
                                           "__cxa_guard_acquire", "exit", "tzset"));

//     syscall ◀── g_mutex_lock_slowpath ◀── g_mutex_lock ◀── work      a GMutex, or Rust's
TEST(OtherPrimitives, ThatSleepThroughSyscallAreNoMutex) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack(
      {"libc.so.6:syscall", "libglib-2.0.so.0:g_mutex_lock_slowpath", "work"});
  target.thread(102).runs();
  target.thread(103).waits_for("A").without_names().at_code(SnapshotBuilder::kSyscallFunction);
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
  EXPECT_EQ(target.wait_of(103), nullptr);
}

TEST(OtherPrimitives, ThatCallTheKernelThemselvesAreNoMutex) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack({"SpinThenPark::lock", "work"});
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
}

// The loop that waits for a priority-protected mutex keeps the call's number in r15.
TEST(Names, AreNotNeededWhereTheNumberIsInARegister) {
  SnapshotBuilder target;
  constexpr Address kLoop{0x7f0000005000};
  std::vector<std::byte> code(32, std::byte{0x90});
  const unsigned char end[] = {0x44, 0x89, 0xf8, 0x0f, 0x05};
  std::memcpy(code.data() + 27, end, sizeof end);
  target.memory().put(kLoop - 32, code);
  target.mutex("A").of_kind(0x240).owned_by(102);
  target.thread(101).waits_for("A").without_names().at_code(kLoop);
  target.thread(102).runs();
  target.diagnose();
  EXPECT_NE(target.wait_of(101), nullptr);
}

// Rust's mutex: WAIT_BITSET without a timeout.
TEST(OtherPrimitives, RustsMutexIsToldByItsCommand) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).in_futex(target.address_of("A"), 0x89, 2).without_names();
  target.thread(102).runs();
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
}

TEST(OtherPrimitives, OfMuslAreNotClaimed) {
  SnapshotBuilder target;
  target.facts().modules.back().path = "/lib/ld-musl-x86_64.so.1";
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A").with_stack({"ld-musl-x86_64.so.1:__timedwait", "work"});
  target.thread(102).joins(101);
  target.diagnose();
  EXPECT_TRUE(target.diagnosis().waits.empty());
}

// A mutex called from inside another primitive is still a mutex: the innermost name decides.
TEST(Names, TheInnermostOneDecides) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101)
      .waits_for("A")
      .with_stack({"libc.so.6:__lll_lock_wait", "libc.so.6:___pthread_mutex_lock@GLIBC_2.2.5",
                   "libc.so.6:_dl_open", "libc.so.6:dlopen", "load_plugins"})
      .calling("dlopen");
  target.thread(102).runs();
  target.diagnose();
  ASSERT_NE(target.wait_of(101), nullptr);
  EXPECT_EQ(target.wait_of(101)->frame, 4U);
}

// Without a name, only a mutex that is surely held is claimed.
TEST(Names, AreNeededForAMutexOnItsWay) {
  const auto is_recognised = [](const char* call_site) {
    SnapshotBuilder target;
    target.mutex("A").with_lock_word(2);
    target.thread(101).waits_for("A").without_names().calling(call_site);
    target.diagnose();
    return target.wait_of(101) != nullptr ? std::optional(target.wait_of(101)->recognised_by)
                                          : std::nullopt;
  };
  EXPECT_EQ(is_recognised(""), std::nullopt);
  EXPECT_EQ(is_recognised("do_something"), std::nullopt);
  EXPECT_EQ(is_recognised("pthread_mutex_lock"), RecognisedBy::kCallSite);
  EXPECT_EQ(is_recognised("pthread_cond_wait"), std::nullopt);
}

TEST(Names, AreNeededWhereTheOwnerIsGoneAndTheCodeCannotBeRead) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(999);
  target.thread(101).waits_for("A").without_names().at_code({0x1234});
  target.thread(102).waits_for("A").without_names();
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
  EXPECT_NE(target.wait_of(102), nullptr);
}

TEST(Names, StandForMemoryThatACoreLeftOut) {
  SnapshotBuilder target;
  target.mutex("A").unreadable();
  target.mutex("B").of_kind(0x290).owned_by(101).unreadable();
  target.thread(101).waits_for("A");
  target.thread(102).waits_for("B");
  target.thread(103).waits_for("A").without_names();
  target.diagnose();
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kUnreadable);
  EXPECT_FALSE(target.resource("A").mutex);
  EXPECT_EQ(target.resource("B").holder.thread, 0U);  // the futex value names the owner
  EXPECT_EQ(target.wait_of(103), nullptr);
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
