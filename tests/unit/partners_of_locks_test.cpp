// Who has a lock that does not record it: which witnesses are believed, and above all which are
// not.

#include "tests/support/partners.h"

namespace pstuck {
namespace {

using Kind = ObjectUse::Kind;

class PartnersOfLock : public testing::Partners {};

TEST_F(PartnersOfLock, FindsTheSoleHolder) {
  thread({"get"});
  thread({"libabsl.so:absl::Mutex::Lock()", "evict", "run"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 1);
  EXPECT_EQ(partners(), "1#1 all");
  EXPECT_EQ(resource().holder.fate, OwnerFate::kThread);
  EXPECT_EQ(resource().holder.thread, 1U);
  EXPECT_EQ(resource().holder.evidence, Evidence::kInferred);
}

TEST_F(PartnersOfLock, ConcludesNothingFromTwoHoldersOfOneLock) {
  thread({"get"});
  thread({"evict"});
  thread({"flush"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 0);
  use(Kind::kTook, 2, 0);
  EXPECT_EQ(partners(), "1#0 2#0");
  EXPECT_EQ(resource().holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(PartnersOfLock, DoesNotBelieveWhoWaitsForACondition) {
  thread({"get"});
  thread({"g_cond_wait", "pop"});
  waits_for(ResourceKind::kLibraryLock);
  waits_for(ResourceKind::kLibraryLock, 1, 1);
  use(Kind::kTook, 1, 1);
  guard(1, 1, "std::lock_guard<Mutex>");
  for (const WaitKind kind : {WaitKind::kNotification, WaitKind::kRelockAfterCondition}) {
    diagnosis_.waits[1].kind = kind;
    EXPECT_EQ(partners(), "") << "it has given back what it took";
  }
  diagnosis_.waits[1].kind = WaitKind::kLock;
  EXPECT_EQ(partners(), "1#1 all");
}

TEST_F(PartnersOfLock, DoesNotBelieveCodeThatIsNotSure) {
  thread({"get"});
  thread({"try_again"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 0);
  not_sure();
  EXPECT_EQ(partners(), "");
  guard(1, 0, "std::unique_lock<absl::Mutex>");
  EXPECT_EQ(partners(), "1#0 all") << "a guard in scope confirms it";
}

TEST_F(PartnersOfLock, DoesNotBelieveAGuardThatGaveItBack) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kLibraryLock);
  guard(1, 0, "std::lock_guard<absl::Mutex>");
  use(Kind::kGaveBack, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(PartnersOfLock, BelievesOnlyAGuardThatIsNeverEmptyByItself) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kLibraryLock);
  guard(1, 0, "std::unique_lock<absl::Mutex>");
  EXPECT_EQ(partners(), "");
  guard(1, 0, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(PartnersOfLock, DoesNotTakeTheWaitingGuardForTheHolder) {
  thread({"libc.so:syscall", "get", "run"});
  waits_for(ResourceKind::kLibraryLock, 0, 1);
  guard(0, 1, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "");
  guard(0, 2, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "0#2 all") << "it waits for itself";
}

TEST_F(PartnersOfLock, LeavesRecordedOwnersAlone) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kMutex);
  resource().holder.fate = OwnerFate::kInTransition;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(PartnersOfLock, KnowsThatOtherProcessesMayHoldIt) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kMutex);
  resource().process_shared = true;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(PartnersOfLock, FindsAsManyReadersAsAreCounted) {
  thread({"write"});
  thread({"find", "lookup"});
  thread({"scan"});
  waits_for(ResourceKind::kRwlock);
  resource().rwlock = {.readers = 2};
  use(Kind::kTook, 1, 0);
  as_reader();
  use(Kind::kTook, 1, 1);
  as_reader();
  use(Kind::kTook, 2, 0);
  as_reader();
  EXPECT_EQ(partners(), "1#0 2#0 all") << "a reader with two frames is one";
  EXPECT_EQ(resource().needs, Needs::kAll);
  EXPECT_EQ(resource().partners.front().part, Part::kReads);
}

TEST_F(PartnersOfLock, ConcludesNothingWhenTheReadersAreNotThatMany) {
  thread({"write"});
  thread({"find"});
  waits_for(ResourceKind::kRwlock);
  use(Kind::kTook, 1, 0);
  as_reader();
  resource().rwlock = {.readers = 2};
  EXPECT_EQ(partners(), "1#0");
  resource().rwlock = {.readers = 0};
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(PartnersOfLock, DoesNotTakeAWriterForAReader) {
  thread({"write"});
  thread({"rewrite"});
  waits_for(ResourceKind::kRwlock);
  resource().rwlock = {.readers = 1};
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

// An upgrade: both have it and want to write.
TEST_F(PartnersOfLock, CountsReadersThatWait) {
  thread({"libc.so:pthread_rwlock_wrlock", "refresh", "find"});
  thread({"libc.so:pthread_rwlock_wrlock", "refresh", "find"});
  waits_for(ResourceKind::kRwlock, 0, 1);
  waits_for(ResourceKind::kRwlock, 1, 1);
  resource().rwlock = {.readers = 2};
  for (const ThreadIndex thread : {0U, 1U}) {
    use(Kind::kTook, thread, 2);
    as_reader();
  }
  EXPECT_EQ(partners(), "0#2 1#2 all");
}

TEST_F(PartnersOfLock, FindsAWriterThatMuslDoesNotRecord) {
  thread({"find"});
  thread({"write"});
  waits_for(ResourceKind::kRwlock);
  resource().rwlock = {.write_locked = true};
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(PartnersOfLock, TakesAnyWitness) {
  thread({"get"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  for (const Kind kind : {Kind::kTook, Kind::kGaveBack, Kind::kArrives, Kind::kRunsOnce}) {
    use(kind, 7, 0);
    use(kind, 0, 9);
  }
  guard(7, 0, "std::lock_guard<M>");
  guard(0, 9, "std::lock_guard<M>");
  for (const ResourceKind kind :
       {ResourceKind::kMutex, ResourceKind::kRwlock, ResourceKind::kSemaphore, ResourceKind::kOnce,
        ResourceKind::kStaticGuard, ResourceKind::kLibcLock, ResourceKind::kCondition,
        ResourceKind::kBarrier, ResourceKind::kFuture, ResourceKind::kThread}) {
    resource().kind = kind;
    EXPECT_EQ(partners(), "");
  }
}

}  // namespace
}  // namespace pstuck
