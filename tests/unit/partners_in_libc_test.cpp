// Who has one of libc's own locks, told by the functions on the stacks.

#include "tests/support/partners.h"

namespace pstuck {
namespace {

class PartnersInLibc : public testing::Partners {};

TEST_F(PartnersInLibc, FindsTheHandlerThatInterruptedMalloc) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:_int_malloc", "libc.so:malloc", "on_alarm",
          "!libc.so:_int_free", "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "0#6 all");
}

TEST_F(PartnersInLibc, FindsItWhereMallocHadCalledTheKernel) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "format", "on_trap",
          "!libc.so:mprotect", "libc.so:sysmalloc", "libc.so:malloc", "work"});
  thread({"libc.so:__lll_lock_wait_private", "libc.so:", "libc.so:free", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  waits_for(ResourceKind::kLibcLock, 1, 3);
  EXPECT_EQ(partners(), "0#7 all") << "another waiter has no part in it";
}

TEST_F(PartnersInLibc, FindsItThroughAnotherHandler) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!on_trap",
          "!libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#5 all");
}

TEST_F(PartnersInLibc, FindsItWhereLibcHasNoNames) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:", "libc.so:malloc", "on_alarm",
          "!libc.so:", "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "0#6 all");
}

TEST_F(PartnersInLibc, DoesNotBlameMallocThatASignalDidNotInterrupt) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "work"});
  thread({"libc.so:_int_malloc", "libc.so:malloc", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "") << "it may have another arena";
}

TEST_F(PartnersInLibc, IsNotSureOfAnArenaWhileOthersAreInMalloc) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:_int_free",
          "libc.so:free", "work"});
  thread({"libc.so:_int_malloc", "libc.so:malloc", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#5 1#2");
}

TEST_F(PartnersInLibc, IsNotSureOfAnArenaWhileAnotherForks) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:free", "work"});
  thread({"libc.so:clone", "libc.so:fork", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#4 1#2") << "fork takes all arenas";
}

TEST_F(PartnersInLibc, IsNotSureOfAnArenaWhereAStackIsNotKnown) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:free", "work"});
  thread({"libc.so:"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#4");
}

TEST_F(PartnersInLibc, DoesNotBlameAHandlerThatInterruptedOtherCode) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!work",
          "libc.so:bsearch", "work"});
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:read", "run",
          "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  waits_for(ResourceKind::kLibcLock, 1, 2);
  EXPECT_EQ(partners(), "");
}

TEST_F(PartnersInLibc, FindsWhoIsInTheSameFunctionOfLibc) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:__vsyslog_internal", "libc.so:syslog", "log"});
  thread({"libc.so:send", "libc.so:__vsyslog_internal", "libc.so:syslog", "log"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "1#1 all");
}

}  // namespace
}  // namespace pstuck
