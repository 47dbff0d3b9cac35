#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "analyzers/waits/stdio_layout.h"
#include "tests/support/snapshot_builder.h"

// Waits for the locks inside glibc, for the locks of FILEs, and for spinlocks.

namespace pstuck {
namespace {

using testing::FakeFrames;
using testing::SnapshotBuilder;

constexpr Address kLock{0x680000};
constexpr Address kFile{0x681000};
constexpr Address kList{0x682000};
constexpr Address kPthread{0x780000000000};
constexpr std::size_t kRbx = 3;
constexpr std::size_t kRdi = 5;

void put_file(SnapshotBuilder& target, Address at, Address lock, std::uint32_t magic = 0xfbad2c84) {
  FileBytes file{};
  file.flags = magic;
  file.lock = lock;
  target.memory().put_object(at, file);
}

void put_pthread(SnapshotBuilder& target, Address at, std::int32_t tid) {
  target.memory().put_object(at, at);
  target.memory().put_object(at + 16, at);
  target.memory().put_object(at + 720, tid);
}

class LibcLock : public ::testing::Test {
 protected:
  LibcLock() {
    put_pthread(target, kPthread, 102);
    target.thread(102).runs().with_thread_pointer(kPthread);
  }

  const Resource* recognise(const FakeFrames& frames, const StdioLock& lock = {.lock = 2},
                            std::uint64_t operation = 0x80) {
    target.memory().put_object(kLock, lock);
    target.thread(101).in_futex(kLock, operation, 2).with_stack(frames);
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(LibcLock, RecordsNoOwnerAndSaysWhatItGuards) {
  const auto type_under = [&](const char* function) {
    const Resource* lock = recognise(
        {"libc.so.6:__lll_lock_wait_private", std::string("libc.so.6:") + function, "work"});
    EXPECT_TRUE(lock != nullptr && lock->kind == ResourceKind::kLibcLock) << function;
    EXPECT_TRUE(lock != nullptr && lock->holder.fate == OwnerFate::kNotRecorded) << function;
    return lock == nullptr ? std::string("none") : lock->type;
  };
  EXPECT_EQ(type_under("_int_free"), "malloc arena");
  EXPECT_EQ(type_under("__GI___libc_malloc"), "malloc arena");
  EXPECT_EQ(type_under("__new_exitfn"), "exit handlers");
  EXPECT_EQ(type_under("__run_prefork_handlers"), "atfork list");
  EXPECT_EQ(type_under("__add_to_environ"), "environment");
  EXPECT_EQ(type_under("__tz_convert"), "time zone");
  EXPECT_EQ(type_under("setlocale"), "locale");
  EXPECT_EQ(type_under("getaddrinfo"), "resolver");
  EXPECT_EQ(type_under("fork"), "");
  EXPECT_EQ(type_under("some_function"), "");
}

TEST_F(LibcLock, IsToldByTheCallSiteWhereLibcIsStripped) {
  target.thread(101).calling("malloc");
  const Resource* lock = recognise({"libc.so.6:", "app:"});
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->type, "malloc arena");
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kCallSite);
  EXPECT_EQ(lock->seen.size(), 4U);
}

TEST_F(LibcLock, NeedsANameAndTheRightCall) {
  EXPECT_EQ(recognise({"libc.so.6:", "app:"}), nullptr);
  const FakeFrames frames = {"libc.so.6:__lll_lock_wait_private", "libc.so.6:malloc", "work"};
  EXPECT_EQ(recognise(frames, {.lock = 2}, 0), nullptr);
  EXPECT_EQ(recognise(frames, {.lock = 2}, 0x89), nullptr);
  EXPECT_EQ(recognise(frames, {.lock = 3}), nullptr);
  const Resource* mutex = recognise(
      {"libc.so.6:__lll_lock_wait", "libc.so.6:pthread_mutex_lock", "libc.so.6:malloc", "work"});
  EXPECT_TRUE(mutex != nullptr && mutex->kind == ResourceKind::kMutex);
  target.thread(101).at_code(SnapshotBuilder::kSyscallFunction);
  EXPECT_EQ(recognise(frames), nullptr);
}

TEST_F(LibcLock, ThatIsFreeIsOnItsWay) {
  const FakeFrames frames = {"libc.so.6:__lll_lock_wait_private", "libc.so.6:malloc", "work"};
  ASSERT_NE(recognise(frames, {.lock = 0}), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
}

TEST_F(LibcLock, OfTheListOfFilesRecordsItsOwner) {
  const FakeFrames frames = {"libc.so.6:__lll_lock_wait_private", "libc.so.6:_IO_link_in",
                             "libc.so.6:_IO_file_init", "libc.so.6:fopen", "work"};
  const Resource* lock = recognise(frames, {.lock = 2, .depth = 0, .owner = kPthread});
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kLibcLock);
  EXPECT_EQ(lock->type, "stdio list");
  EXPECT_EQ(lock->holder.thread, 1U);
}

// In a stripped static program no name says anything.
TEST_F(LibcLock, ThatALiveThreadOwnsIsRecognisedWithoutNames) {
  const StdioLock owned = {.lock = 2, .depth = 1, .owner = kPthread};
  const Resource* lock = recognise({"libc.so.6:", "app:"}, owned);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kLibcLock);
  EXPECT_EQ(lock->holder.thread, 1U);
  StdioLock hostile = owned;
  hostile.owner = kPthread + 8;
  EXPECT_EQ(recognise({"libc.so.6:", "app:"}, hostile), nullptr);
  hostile = owned;
  hostile.depth = -1;
  EXPECT_EQ(recognise({"libc.so.6:", "app:"}, hostile), nullptr);
  target.thread(101).at_code({0x1234});
  EXPECT_EQ(recognise({"libc.so.6:", "app:"}, owned), nullptr);
}

class Stdio : public LibcLock {
 protected:
  const StdioLock kOwned = {.lock = 2, .depth = 1, .owner = kPthread};
  const FakeFrames kNamed = {"libc.so.6:__lll_lock_wait_private", "libc.so.6:fputs", "work"};
  const FakeFrames kNameless = {"libc.so.6:", "app:"};
};

TEST_F(Stdio, LockIsKnownByNameAndRecordsItsOwner) {
  const Resource* lock = recognise(kNamed, kOwned);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kStdio);
  EXPECT_EQ(lock->address, kLock);
  EXPECT_EQ(lock->holder.thread, 1U);
  EXPECT_EQ(lock->holder.evidence, Evidence::kRecorded);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kFunctionName);
}

TEST_F(Stdio, FunctionsAreKnownByTheirManyNames) {
  for (const char* name : {"__printf_chk", "__vfprintf_internal", "_IO_fwrite", "__GI__IO_puts",
                           "___fprintf_chk", "getline", "fflush"}) {
    const Resource* lock = recognise({std::string("libc.so.6:") + name, "work"}, kOwned);
    EXPECT_TRUE(lock != nullptr && lock->kind == ResourceKind::kStdio) << name;
  }
}

TEST_F(Stdio, LockIsKnownByTheListOfFiles) {
  target.program().libc_variables = {{"_IO_list_all", kList}, {"_IO_2_1_stdout_", kFile}};
  target.memory().put_object(kList, kFile);
  put_file(target, kFile, kLock);
  const Resource* lock = recognise(kNameless, kOwned);
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->kind, ResourceKind::kStdio);
  EXPECT_EQ(lock->name, "stdout");
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
}

TEST_F(Stdio, LockIsKnownByARegister) {
  put_file(target, kFile, kLock);
  target.thread(101).with_register(kRbx, kFile.value);
  ASSERT_NE(recognise(kNameless, kOwned), nullptr);
  EXPECT_EQ(target.resource_of(101)->kind, ResourceKind::kStdio);
  put_file(target, kFile, kLock, 0xfbac2c84);
  EXPECT_EQ(recognise(kNameless, kOwned)->kind, ResourceKind::kLibcLock);
  put_file(target, kFile, kLock + 8);
  EXPECT_EQ(recognise(kNameless, kOwned)->kind, ResourceKind::kLibcLock);
}

//     101 ──▶ [FILE] held by 102 ──▶ [FILE] held by 101
TEST_F(Stdio, LocksMakeACycle) {
  constexpr Address kOther = kPthread + 0x10000;
  put_pthread(target, kOther, 101);
  target.memory().put_object(kLock + 64, StdioLock{.lock = 2, .depth = 1, .owner = kOther});
  target.thread(102).in_futex(kLock + 64, 0x80, 2).with_stack(kNamed);
  ASSERT_NE(recognise(kNamed, kOwned), nullptr);
  EXPECT_EQ(target.story(), "deadlock: 101 -> 0x680000 102 -> 0x680040");
}

TEST_F(Stdio, LockWithoutAnOwnerIsOnItsWay) {
  ASSERT_NE(recognise(kNamed, {.lock = 2}), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kInTransition);
  ASSERT_NE(recognise(kNamed, {.lock = 2, .owner = {0xdead}}), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kNotRecorded);
  target.memory().put_object(kPthread + 720, 0);  // the thread has ended
  ASSERT_NE(recognise(kNamed, kOwned), nullptr);
  EXPECT_EQ(target.resource_of(101)->holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(Stdio, LockWithWordsThatDisagreeIsNone) {
  EXPECT_EQ(recognise(kNamed, {.lock = 3, .depth = 1, .owner = kPthread}), nullptr);
  EXPECT_EQ(recognise(kNamed, {.lock = -1, .depth = 1, .owner = kPthread}), nullptr);
}

class Spinlock : public ::testing::Test {
 protected:
  static constexpr Address kLoop{0x7f0000006000};

  Spinlock() { target.memory().put(kLoop, {0xf3, 0x90, 0x83, 0x3f, 0x00, 0x7f, 0xe9, 0xeb, 0xf7}); }

  const Resource* recognise(std::int32_t word, std::uint64_t offset, const FakeFrames& frames) {
    target.memory().put_object(kLock, word);
    target.thread(101)
        .runs()
        .with_register(kRdi, kLock.value)
        .at_code(kLoop + offset)
        .with_stack(frames);
    target.diagnose();
    return target.resource_of(101);
  }

  SnapshotBuilder target;
};

TEST_F(Spinlock, IsWaitedForByAThreadThatRuns) {
  for (const std::uint64_t offset : {0U, 2U, 5U, 7U}) {
    const Resource* lock = recognise(0, offset, {"libc.so.6:", "work"});
    ASSERT_NE(lock, nullptr) << offset;
    EXPECT_EQ(lock->kind, ResourceKind::kSpinlock);
    EXPECT_EQ(lock->address, kLock);
    EXPECT_EQ(lock->holder.fate, OwnerFate::kNotRecorded);
    EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kLock);
    EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
    EXPECT_FALSE(target.wait_of(101)->waited);
  }
  EXPECT_NE(recognise(-3, 0, {"libc.so.6:", "work"}), nullptr);
}

TEST_F(Spinlock, ThatIsFreeIsOnItsWay) {
  const Resource* lock = recognise(1, 0, {"libc.so.6:", "work"});
  ASSERT_NE(lock, nullptr);
  EXPECT_EQ(lock->holder.fate, OwnerFate::kInTransition);
}

TEST_F(Spinlock, NeedsTheLoopOrItsName) {
  EXPECT_EQ(recognise(0, 1, {"libc.so.6:", "work"}), nullptr);
  EXPECT_NE(recognise(0, 1, {"libc.so.6:pthread_spin_lock@@GLIBC_2.34", "work"}), nullptr);
  EXPECT_EQ(recognise(0, 0, {"SpinLock::lock", "work"}), nullptr) << "the program's own code";
  target.thread(101).returned();
  EXPECT_EQ(recognise(0, 1, {"libc.so.6:free", "work"}), nullptr);
}

TEST_F(Spinlock, IsNotReadWhereTheRegisterIsNotKnown) {
  target.memory().put_object(kLock, 0);
  target.thread(101).runs().at_code(kLoop).with_stack({"libc.so.6:pthread_spin_lock", "work"});
  target.diagnose();
  EXPECT_EQ(target.wait_of(101), nullptr);
}

}  // namespace
}  // namespace pstuck
