#include <gtest/gtest.h>

#include "symbolize/lock_types.h"

namespace pstuck {
namespace {

TEST(LockTypes, ALibrarysLockIsOneInThatLibraryOnly) {
  EXPECT_TRUE(is_lock_class("mutex", "std"));
  EXPECT_TRUE(is_lock_class("shared_timed_mutex", "std"));
  EXPECT_TRUE(is_lock_class("Mutex", "absl"));
  EXPECT_TRUE(is_lock_class("QMutex", ""));
  EXPECT_FALSE(is_lock_class("mutex", ""));
  EXPECT_FALSE(is_lock_class("mutex", "app"));
  EXPECT_TRUE(is_lock_class("Mutex<alloc::string::String>", "std")) << "Rust's";
  EXPECT_FALSE(is_lock_class("Mutex", "app"));
  EXPECT_FALSE(is_lock_class("QMutex", "std"));
}

TEST(LockTypes, RustsModulesAreNotInTheirNames) {
  EXPECT_EQ(public_lock_name("std::sync::mutex::Mutex<i32>"), "std::sync::Mutex");
  EXPECT_EQ(public_lock_name("std::sync::poison::rwlock::RwLock<alloc::vec::Vec<u8>>"),
            "std::sync::RwLock");
  EXPECT_EQ(public_lock_name("std::sys::unix::locks::futex::Condvar"), "std::sync::Condvar");
  EXPECT_EQ(public_lock_name("std::mutex"), "std::mutex");
  EXPECT_EQ(public_lock_name("folly::SharedMutexImpl<false>"), "folly::SharedMutexImpl<false>");
}

TEST(LockTypes, TemplateArgumentsDoNotMatter) {
  EXPECT_TRUE(is_lock_class("SharedMutexImpl<false, void, std::atomic>", "folly"));
  EXPECT_TRUE(is_guard_class("lock_guard<std::mutex>", "std"));
  EXPECT_TRUE(is_guard_class("scoped_lock<std::mutex, std::mutex>", "std"));
  EXPECT_FALSE(is_guard_class("lock_guard_like<std::mutex>", "std"));
}

TEST(LockTypes, PointersThatOwnALockAreNoGuards) {
  EXPECT_FALSE(is_guard_class("unique_ptr<std::mutex>", "std"));
  EXPECT_FALSE(is_guard_class("shared_ptr<std::mutex>", "std"));
}

TEST(LockTypes, TypedefsOfCLibraries) {
  EXPECT_TRUE(is_lock_typedef("pthread_mutex_t"));
  EXPECT_TRUE(is_lock_typedef("mtx_t"));
  EXPECT_FALSE(is_lock_typedef("pthread_t"));
  EXPECT_FALSE(is_lock_typedef("size_t"));
}

}  // namespace
}  // namespace pstuck
