// What the names on the stack and at the call site say for and against a mutex.

#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using testing::SnapshotBuilder;

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
  target.memory().put_code_before(kLoop, {0x44, 0x89, 0xf8, 0x0f, 0x05});
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

}  // namespace
}  // namespace pstuck
