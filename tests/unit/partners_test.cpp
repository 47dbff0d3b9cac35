// Who must act where nothing records it: which witnesses are believed, and above all which are not.

#include <gtest/gtest.h>

#include "analyzers/holders/source.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using Kind = ObjectUse::Kind;

constexpr Address kObject{0x5000};

/// Threads whose stacks are written down, the first of which waits for one resource.
class Partners : public ::testing::Test {
 protected:
  /// "app" is the module of a frame, or what stands before its colon; "!" marks a frame that a
  /// signal interrupted. The frames of a thread are functions of their own.
  ThreadIndex thread(const std::vector<std::string>& functions) {
    Stack& stack = stacks_.stacks.emplace_back();
    for (std::string function : functions) {
      const bool interrupted = function.starts_with('!');
      if (interrupted) function.erase(0, 1);
      const std::size_t colon = function.find(".so:");
      const bool has_module = colon != std::string::npos;
      const std::uint64_t number = stacks_.locations.size();
      stack.frames.push_back({.pc = CodeAddress::return_address({0x1000 + 0x10 * number}),
                              .location = number,
                              .sp = Address{0x7000 + 0x100 * number},
                              .interrupted = interrupted});
      stacks_.locations.push_back(
          {.function = has_module ? function.substr(colon + 4) : function,
           .module = has_module ? function.substr(0, colon) + ".so.6" : "app"});
    }
    snapshot_.threads.emplace_back();
    diagnosis_.threads.emplace_back();
    return snapshot_.threads.size() - 1;
  }

  void waits_for(ResourceKind kind, ThreadIndex thread = 0, std::size_t frame = 0) {
    if (diagnosis_.resources.empty()) diagnosis_.resources.push_back({.address = kObject});
    diagnosis_.resources[0].kind = kind;
    diagnosis_.threads[thread].wait = diagnosis_.waits.size();
    diagnosis_.waits.push_back({.thread = thread, .frame = frame});
  }
  Resource& resource() { return diagnosis_.resources.at(0); }

  ObjectUse& use(Kind kind, ThreadIndex thread, std::size_t frame) {
    return program_.uses.emplace_back(
        ObjectUse{.kind = kind, .object = kObject, .thread = thread, .frame = frame});
  }
  void not_sure() { program_.uses.back().on_every_path = false; }
  void as_reader() { program_.uses.back().shared = true; }
  void returning_it() { program_.uses.back().returns_it = true; }

  void variable(VariableHit::Relation relation, ThreadIndex thread, std::size_t frame,
                const std::string& type) {
    VariableHit hit;
    hit.lock = kObject;
    hit.thread = thread;
    hit.frame = frame;
    hit.relation = relation;
    hit.variable_type = type;
    variables_.push_back(hit);
  }
  void guard(ThreadIndex thread, std::size_t frame, const std::string& type) {
    variable(VariableHit::Relation::kGuards, thread, frame, type);
  }
  void pointer(ThreadIndex thread, std::size_t frame) {
    variable(VariableHit::Relation::kLeadsTo, thread, frame, "Server*");
  }

  /// "1#0 2#1 all" for two partners that are all, each with its thread and witness frame.
  std::string partners() {
    const ProgramFrames frames(snapshot_, stacks_);
    const Sources sources{memory_, program_, tasks_};
    find_partners({snapshot_, stacks_, frames, sources, variables_, diagnosis_},
                  diagnosis_.resources);
    std::string text;
    for (const Partner& partner : resource().partners) {
      if (!text.empty()) text += ' ';
      text += std::to_string(partner.thread) + "#" + std::to_string(partner.frame.value_or(99));
    }
    return resource().partners_complete ? text + " all" : text;
  }

  testing::FakeProgram program_;
  Stacks stacks_;
  Snapshot snapshot_;
  Diagnosis diagnosis_;
  std::vector<VariableHit> variables_;
  testing::FakeMemory memory_;
  testing::FakeTasks tasks_;
};

TEST_F(Partners, FindsTheSoleHolder) {
  thread({"get"});
  thread({"libabsl.so:absl::Mutex::Lock()", "evict", "run"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 1);
  EXPECT_EQ(partners(), "1#1 all");
  EXPECT_EQ(resource().holder.fate, OwnerFate::kThread);
  EXPECT_EQ(resource().holder.thread, 1U);
  EXPECT_EQ(resource().holder.evidence, Evidence::kInferred);
}

TEST_F(Partners, ConcludesNothingFromTwoHoldersOfOneLock) {
  thread({"get"});
  thread({"evict"});
  thread({"flush"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 0);
  use(Kind::kTook, 2, 0);
  EXPECT_EQ(partners(), "1#0 2#0");
  EXPECT_EQ(resource().holder.fate, OwnerFate::kNotRecorded);
}

TEST_F(Partners, DoesNotBelieveCodeThatIsNotSure) {
  thread({"get"});
  thread({"try_again"});
  waits_for(ResourceKind::kLibraryLock);
  use(Kind::kTook, 1, 0);
  not_sure();
  EXPECT_EQ(partners(), "");
  guard(1, 0, "std::unique_lock<absl::Mutex>");
  EXPECT_EQ(partners(), "1#0 all") << "a guard in scope confirms it";
}

TEST_F(Partners, DoesNotBelieveAGuardThatGaveItBack) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kLibraryLock);
  guard(1, 0, "std::lock_guard<absl::Mutex>");
  use(Kind::kGaveBack, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(Partners, BelievesOnlyAGuardThatIsNeverEmptyByItself) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kLibraryLock);
  guard(1, 0, "std::unique_lock<absl::Mutex>");
  EXPECT_EQ(partners(), "");
  guard(1, 0, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(Partners, DoesNotTakeTheWaitingGuardForTheHolder) {
  thread({"libc.so:syscall", "get", "run"});
  waits_for(ResourceKind::kLibraryLock, 0, 1);
  guard(0, 1, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "");
  guard(0, 2, "std::lock_guard<absl::Mutex>");
  EXPECT_EQ(partners(), "0#2 all") << "it waits for itself";
}

TEST_F(Partners, LeavesRecordedOwnersAlone) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kMutex);
  resource().holder.fate = OwnerFate::kInTransition;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(Partners, KnowsThatOtherProcessesMayHoldIt) {
  thread({"get"});
  thread({"evict"});
  waits_for(ResourceKind::kMutex);
  resource().process_shared = true;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(Partners, FindsAsManyReadersAsAreCounted) {
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

TEST_F(Partners, ConcludesNothingWhenTheReadersAreNotThatMany) {
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

TEST_F(Partners, DoesNotTakeAWriterForAReader) {
  thread({"write"});
  thread({"rewrite"});
  waits_for(ResourceKind::kRwlock);
  resource().rwlock = {.readers = 1};
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

// An upgrade: both have it and want to write.
TEST_F(Partners, CountsReadersThatWait) {
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

TEST_F(Partners, FindsAWriterThatMuslDoesNotRecord) {
  thread({"find"});
  thread({"write"});
  waits_for(ResourceKind::kRwlock);
  resource().rwlock = {.write_locked = true};
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(Partners, FindsWhoHasASemaphoresUnits) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  for (const ThreadIndex thread : {1U, 2U}) {
    use(Kind::kTook, thread, 0);
    returning_it();
  }
  EXPECT_EQ(partners(), "1#0 2#0 all");
  EXPECT_EQ(resource().needs, Needs::kAny);
}

TEST_F(Partners, DoesNotTakeAConsumerForAHolder) {
  thread({"next_job"});
  thread({"consume"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(Partners, IsNotSureOfUnitsWhileSomebodyElseMayPost) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({"produce"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  returning_it();
  use(Kind::kWillGive, 2, 0);
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(Partners, IsSureOfUnitsWhenOnlyWhoWaitsWillPost) {
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kWillGive, 0, 0);
  use(Kind::kTook, 1, 0);
  returning_it();
  use(Kind::kWillGive, 1, 0);
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(Partners, IsNotSureOfUnitsThatAreFree) {
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 1;
  use(Kind::kTook, 1, 0);
  returning_it();
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(Partners, IsNotSureOfUnitsWhenAStackIsMissing) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  returning_it();
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(Partners, FindsWhoInitialisesAStaticVariable) {
  thread({"libc.so:syscall", "registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard, 0, 1);
  use(Kind::kTook, 1, 1);
  EXPECT_EQ(partners(), "1#1 all");
  EXPECT_EQ(resource().partners.front().part, Part::kInitialises);
}

TEST_F(Partners, FindsThatAnInitialiserWaitsForItself) {
  thread({"libc.so:syscall", "registry", "load", "registry"});
  waits_for(ResourceKind::kStaticGuard, 0, 1);
  use(Kind::kTook, 0, 3);
  EXPECT_EQ(partners(), "0#3 all");
}

TEST_F(Partners, IsNotSureOfTwoInitialisers) {
  thread({"registry"});
  thread({"load", "registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard);
  use(Kind::kTook, 1, 1);
  use(Kind::kTook, 2, 1);
  EXPECT_EQ(partners(), "1#1 2#1");
}

TEST_F(Partners, IsNotSureOfAnInitialiserWhoseCodeIsNot) {
  thread({"registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard);
  use(Kind::kTook, 1, 1);
  not_sure();
  EXPECT_EQ(partners(), "1#1");
}

TEST_F(Partners, FindsWhoRunsWhatAOnceFlagGuards) {
  thread({"libc.so:pthread_once", "setup", "serve"});
  thread({"init_tables", "libc.so:pthread_once", "setup", "main"});
  waits_for(ResourceKind::kOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 1);
  use(Kind::kRunsOnce, 1, 2);
  EXPECT_EQ(partners(), "1#2 all");
}

TEST_F(Partners, FindsThatAOnceFlagsFunctionCallsItself) {
  thread({"libc.so:pthread_once", "setup", "init_tables", "libc.so:pthread_once", "setup"});
  waits_for(ResourceKind::kOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 4);
  EXPECT_EQ(partners(), "0#4 all");
}

TEST_F(Partners, FindsWhoIsOnHisWayToABarrier) {
  thread({"phase"});
  thread({"phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kBarrier, 0);
  waits_for(ResourceKind::kBarrier, 1);
  resource().parties = {.arrived = 2, .expected = 3, .missing = 1};
  use(Kind::kArrives, 1, 0);  // in its next round
  use(Kind::kArrives, 2, 1);
  EXPECT_EQ(partners(), "2#1 all");
}

TEST_F(Partners, IsNotSureWhenMoreAreMissingOrFewer) {
  thread({"phase"});
  thread({"compute", "phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kLatch);
  use(Kind::kArrives, 1, 1);
  use(Kind::kArrives, 2, 1);
  resource().parties = {.arrived = {}, .expected = {}, .missing = 3};
  EXPECT_EQ(partners(), "1#1 2#1");
  resource().parties->missing = 1;
  EXPECT_EQ(partners(), "1#1 2#1");
}

TEST_F(Partners, OnlyTellsWhoHasAPointerToABarrier) {
  thread({"phase"});
  thread({"compute"});
  waits_for(ResourceKind::kLatch);
  resource().parties = {.arrived = {}, .expected = {}, .missing = 1};
  pointer(0, 0);
  pointer(1, 0);
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(Partners, TellsWhoMayNotifyAndConcludesNothing) {
  thread({"take_job"});
  thread({"produce"});
  thread({"serve"});
  waits_for(ResourceKind::kCondition);
  pointer(0, 0);
  use(Kind::kNotifies, 1, 0);
  pointer(2, 0);
  EXPECT_EQ(partners(), "1#0 2#0");
  EXPECT_EQ(resource().partners.front().part, Part::kMayNotify);
  EXPECT_EQ(resource().needs, Needs::kAny);
}

TEST_F(Partners, FindsTheHandlerThatInterruptedMalloc) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:_int_malloc", "libc.so:malloc", "on_alarm",
          "!libc.so:_int_free", "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "0#6 all");
}

TEST_F(Partners, FindsItWhereMallocHadCalledTheKernel) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "format", "on_trap",
          "!libc.so:mprotect", "libc.so:sysmalloc", "libc.so:malloc", "work"});
  thread({"libc.so:__lll_lock_wait_private", "libc.so:", "libc.so:free", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  waits_for(ResourceKind::kLibcLock, 1, 3);
  EXPECT_EQ(partners(), "0#7 all") << "another waiter has no part in it";
}

TEST_F(Partners, FindsItThroughAnotherHandler) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!on_trap",
          "!libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#5 all");
}

TEST_F(Partners, FindsItWhereLibcHasNoNames) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:", "libc.so:malloc", "on_alarm",
          "!libc.so:", "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "0#6 all");
}

TEST_F(Partners, DoesNotBlameMallocThatASignalDidNotInterrupt) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "work"});
  thread({"libc.so:_int_malloc", "libc.so:malloc", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "") << "it may have another arena";
}

TEST_F(Partners, IsNotSureOfAnArenaWhileOthersAreInMalloc) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:_int_free",
          "libc.so:free", "work"});
  thread({"libc.so:_int_malloc", "libc.so:malloc", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#5 1#2");
}

TEST_F(Partners, IsNotSureOfAnArenaWhileAnotherForks) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:free", "work"});
  thread({"libc.so:clone", "libc.so:fork", "run"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#4 1#2") << "fork takes all arenas";
}

TEST_F(Partners, IsNotSureOfAnArenaWhereAStackIsNotKnown) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:free", "work"});
  thread({"libc.so:"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  EXPECT_EQ(partners(), "0#4");
}

TEST_F(Partners, DoesNotBlameAHandlerThatInterruptedOtherCode) {
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!work",
          "libc.so:bsearch", "work"});
  thread({"libc.so:__lll_lock_wait_private", "libc.so:malloc", "on_alarm", "!libc.so:read", "run",
          "libc.so:free", "work"});
  waits_for(ResourceKind::kLibcLock, 0, 2);
  waits_for(ResourceKind::kLibcLock, 1, 2);
  EXPECT_EQ(partners(), "");
}

TEST_F(Partners, FindsWhoIsInTheSameFunctionOfLibc) {
  thread(
      {"libc.so:__lll_lock_wait_private", "libc.so:__vsyslog_internal", "libc.so:syslog", "log"});
  thread({"libc.so:send", "libc.so:__vsyslog_internal", "libc.so:syslog", "log"});
  waits_for(ResourceKind::kLibcLock, 0, 3);
  EXPECT_EQ(partners(), "1#1 all");
}

TEST_F(Partners, TakesAnyWitness) {
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
