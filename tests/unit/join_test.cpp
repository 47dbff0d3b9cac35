// Deadlocks over several processes: which are found, and what keeps one from being claimed.

#include "analyzers/join.h"

#include <gtest/gtest.h>

#include <deque>

#include "analyzers/confirm_across.h"

namespace pstuck {
namespace {

constexpr std::int64_t kSomeCall = 1;

/// Processes by hand: "process 100 waits for processes 200 and 300".
class Machine {
 public:
  ProcessIndex process(std::int32_t pid, std::size_t threads = 1) {
    Snapshot& snapshot = snapshots_.emplace_back();
    snapshot.process.pid = Tid{pid};
    for (std::size_t i = 0; i < threads; ++i) {
      ThreadSnapshot& thread = snapshot.threads.emplace_back();
      thread.tid = Tid{pid + static_cast<std::int32_t>(i)};
      thread.syscall = {SyscallState::kInSyscall, kSomeCall, {}};
      thread.not_run_for = std::chrono::seconds(3);
    }
    Diagnosis& diagnosis = diagnoses_.emplace_back();
    diagnosis.threads.resize(threads);
    for (ThreadStatus& thread : diagnosis.threads) thread.activity = Activity::kBlocked;
    return snapshots_.size() - 1;
  }

  KernelWait& waits(ProcessIndex process, ThreadIndex thread, CallAct act,
                    const std::vector<std::int32_t>& pids) {
    Diagnosis& diagnosis = diagnoses_[process];
    diagnosis.threads[thread].kernel_wait = diagnosis.kernel_waits.size();
    KernelWait& wait = diagnosis.kernel_waits.emplace_back();
    wait.thread = thread;
    wait.subject.act = act;
    for (const std::int32_t pid : pids) wait.processes.push_back(Tid{pid});
    return wait;
  }

  /// For a mutex of process-shared memory, which records a thread of another process.
  void waits_for_mutex(ProcessIndex process, ThreadIndex thread, ThreadRef owner) {
    Diagnosis& diagnosis = diagnoses_[process];
    const Snapshot& other = snapshots_[owner.process];
    Resource resource;
    resource.holder = {.evidence = Evidence::kRecorded,
                       .fate = OwnerFate::kOtherProcess,
                       .elsewhere = TaskElsewhere{.tid = other.threads[owner.thread].tid,
                                                  .process = other.process.pid}};
    add_wait(diagnosis, thread, std::move(resource));
  }

  void waits_for_own(ProcessIndex process, ThreadIndex thread, ThreadIndex owner) {
    Resource resource;
    resource.holder = {
        .evidence = Evidence::kRecorded, .fate = OwnerFate::kThread, .thread = owner};
    add_wait(diagnoses_[process], thread, std::move(resource));
  }

  Snapshot& snapshot(ProcessIndex process) { return snapshots_[process]; }
  Diagnosis& diagnosis(ProcessIndex process) { return diagnoses_[process]; }

  std::vector<ProcessView> views() {
    std::vector<ProcessView> views;
    for (std::size_t i = 0; i < snapshots_.size(); ++i) {
      views.push_back({snapshots_[i], diagnoses_[i]});
    }
    return views;
  }

  Across joined() { return join(views()); }

 private:
  static void add_wait(Diagnosis& diagnosis, ThreadIndex thread, Resource resource) {
    diagnosis.threads[thread].activity = Activity::kWaits;
    diagnosis.threads[thread].wait = diagnosis.waits.size();
    diagnosis.waits.push_back({.thread = thread, .resource = diagnosis.resources.size()});
    diagnosis.resources.push_back(std::move(resource));
  }

  std::deque<Snapshot> snapshots_;
  std::deque<Diagnosis> diagnoses_;
};

using Members = std::vector<ThreadRef>;

TEST(Join, AParentAndItsChildWaitForEachOther) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kWrite, {100});
  const Across across = machine.joined();
  ASSERT_EQ(across.cycles.size(), 1U);
  EXPECT_EQ(across.cycles[0].members, (Members{{0, 0}, {1, 0}}));
  EXPECT_EQ(across.cycles[0].waits_for, (Members{{1, 0}, {0, 0}}));
  EXPECT_TRUE(across.cycles[0].ring);
  EXPECT_EQ(across.cycles[0].evidence, Evidence::kRecorded);
  EXPECT_EQ(across.cycles[0].since, std::chrono::seconds(3));
  EXPECT_EQ(across.waits.size(), 2U);
}

TEST(Join, WhoReadsAFifoWaitsForWhoeverComes) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kRead, {100}).others_may_come = true;
  EXPECT_TRUE(machine.joined().cycles.empty());
  machine.waits(machine.process(200), 0, CallAct::kChild, {100});
  machine.diagnosis(0).kernel_waits[0].processes = {Tid{200}};
  EXPECT_TRUE(machine.joined().cycles.empty()) << "nor where its parent has it open";
  machine.diagnosis(0).kernel_waits[0].subject.act = CallAct::kWrite;
  const Across across = machine.joined();
  ASSERT_EQ(across.cycles.size(), 1U) << "whoever comes mostly writes";
  EXPECT_EQ(across.cycles[0].evidence, Evidence::kInferred);
}

TEST(Join, AProcessActsWhenOneOfItsThreadsDoes) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  const ProcessIndex child = machine.process(200, 2);
  machine.waits(child, 0, CallAct::kWrite, {100});
  EXPECT_TRUE(machine.joined().cycles.empty());
  machine.waits(child, 1, CallAct::kWrite, {100});
  ASSERT_EQ(machine.joined().cycles.size(), 1U);
  EXPECT_EQ(machine.joined().cycles[0].members.size(), 3U);
  EXPECT_FALSE(machine.joined().cycles[0].ring);
  machine.diagnosis(child).threads[1] = {};
  machine.diagnosis(child).threads[1].activity = Activity::kEnded;
  EXPECT_EQ(machine.joined().cycles.at(0).members.size(), 2U);
}

TEST(Join, AnyOtherProcessThatCouldActKeepsItFromBeingADeadlock) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  const ProcessIndex child = machine.process(200);
  machine.waits(child, 0, CallAct::kRead, {100, 300});  // 300 was not looked at
  EXPECT_TRUE(machine.joined().cycles.empty());
  const ProcessIndex third = machine.process(300);
  EXPECT_TRUE(machine.joined().cycles.empty());
  machine.waits(third, 0, CallAct::kRead, {200});
  EXPECT_EQ(machine.joined().cycles.size(), 1U);
}

TEST(Join, DescriptorsThatWereNotSeenKeepItFromBeingADeadlock) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  const ProcessIndex child = machine.process(200);
  machine.waits(child, 0, CallAct::kWrite, {100});
  machine.snapshot(child).kernel.some_not_seen = true;
  EXPECT_TRUE(machine.joined().cycles.empty());
  EXPECT_FALSE(machine.joined().waits.at(1).can_only_end_so);
}

TEST(Join, OneHolderOfALockThatNeverGivesUpIsEnough) {
  Machine machine;
  const ProcessIndex one = machine.process(100);
  const ProcessIndex other = machine.process(200);
  machine.waits(one, 0, CallAct::kFcntl, {200, 300}).needs = Needs::kAll;
  machine.waits(other, 0, CallAct::kFcntl, {100}).needs = Needs::kAll;
  EXPECT_EQ(machine.joined().cycles.size(), 1U);
  machine.diagnosis(one).kernel_waits[0].needs = Needs::kAny;  // of one open file, perhaps
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, AWaitWithATimeLimitIsNoDeadlock) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {100}).deadline = Deadline{};
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, AThreadThatMovedWaitsForNobody) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  const ProcessIndex child = machine.process(200);
  machine.waits(child, 0, CallAct::kWrite, {100});
  machine.diagnosis(child).threads[0].kernel_wait.reset();
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, SignalsThatMayWakeAMemberMakeItLikelyOnly) {
  constexpr int kAlarm = 14;
  constexpr int kChild = 17;
  Machine machine;
  const ProcessIndex parent = machine.process(100);
  machine.waits(parent, 0, CallAct::kChild, {200});
  const ProcessIndex child = machine.process(200);
  machine.waits(child, 0, CallAct::kWrite, {100});
  // Who waits for a child is woken by its end, and not before.
  machine.snapshot(parent).process.caught_signals = std::uint64_t{1} << (kChild - 1);
  EXPECT_EQ(machine.joined().cycles.at(0).evidence, Evidence::kRecorded);
  machine.snapshot(child).process.caught_signals = std::uint64_t{1} << (kAlarm - 1);
  EXPECT_EQ(machine.joined().cycles.at(0).evidence, Evidence::kInferred);
}

TEST(Join, WhoWaitsForHimselfMayHaveAHandlerThatActs) {
  constexpr int kTerminate = 15;
  Machine machine;
  const ProcessIndex alone = machine.process(100);
  machine.waits(alone, 0, CallAct::kRead, {100});
  EXPECT_EQ(machine.joined().cycles.size(), 1U);
  machine.snapshot(alone).process.caught_signals = std::uint64_t{1} << (kTerminate - 1);
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, SignalsAreEventsToo) {
  constexpr int kHangUp = 1;
  Machine machine;
  const ProcessIndex master = machine.process(100);
  machine.waits(master, 0, CallAct::kPoll, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {100});
  EXPECT_EQ(machine.joined().cycles.size(), 1U);
  machine.snapshot(master).process.caught_signals = std::uint64_t{1} << (kHangUp - 1);
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, SharedLocksLeadToTheVeryThread) {
  Machine machine;
  const ProcessIndex one = machine.process(100, 2);
  const ProcessIndex other = machine.process(200, 2);
  machine.waits_for_mutex(one, 0, {other, 1});
  machine.waits_for_mutex(other, 1, {one, 0});
  const Across across = machine.joined();
  ASSERT_EQ(across.cycles.size(), 1U);
  EXPECT_EQ(across.cycles[0].members, (Members{{one, 0}, {other, 1}}));
  EXPECT_TRUE(across.cycles[0].whole.empty());
  EXPECT_EQ(across.waits.at(0).owner, (ThreadRef{other, 1}));
}

TEST(Join, OneProcesssOwnDeadlockIsLeftToItsDiagnosis) {
  Machine machine;
  const ProcessIndex process = machine.process(100, 2);
  machine.waits_for_own(process, 0, 1);
  machine.waits_for_own(process, 1, 0);
  EXPECT_TRUE(machine.joined().cycles.empty());
}

TEST(Join, ThreadsBehindADeadlockAreCounted) {
  Machine machine;
  const ProcessIndex parent = machine.process(100, 2);
  machine.waits(parent, 0, CallAct::kChild, {200});
  machine.waits_for_own(parent, 1, 0);
  machine.waits(machine.process(200), 0, CallAct::kFlock, {100});
  machine.waits(machine.process(300), 0, CallAct::kChild, {200});
  const Across across = machine.joined();
  ASSERT_EQ(across.cycles.size(), 1U);
  EXPECT_EQ(across.cycles[0].members.size(), 3U);
  EXPECT_EQ(across.cycles[0].stuck_behind, (Members{{2, 0}}));
}

TEST(Join, FollowsWhomTheWaitsName) {
  Machine machine;
  const ProcessIndex process = machine.process(100, 2);
  machine.waits(process, 0, CallAct::kRead, {300, 100, 200});
  machine.waits_for_mutex(process, 1, {machine.process(400), 0});
  EXPECT_EQ(find_processes_to_follow(machine.views()[process]),
            (std::vector<Tid>{{200}, {300}, {400}}));
}

/// Two later looks at what Machine made, in which nothing has changed.
std::vector<LaterLook> still(Machine& machine, const Across& across) {
  std::vector<LaterLook> looks;
  const auto views = machine.views();
  for (ProcessIndex i = 0; i < views.size(); ++i) {
    LaterLook& look = looks.emplace_back();
    for (const Tid tid : find_who_must_stand_still(views, across, i)) {
      look.first.threads.push_back({.tid = tid,
                                    .exists = true,
                                    .syscall = {SyscallState::kInSyscall, kSomeCall, {}},
                                    .switches = ContextSwitches{5, 1}});
    }
    look.second = look.first;
    look.first.monotonic = std::chrono::milliseconds(10 + i);
    look.second.monotonic = std::chrono::milliseconds(40 + i);
    look.snapshot = machine.snapshot(i);
    look.diagnosis = machine.diagnosis(i);
  }
  return looks;
}

/// The roots' process ids, each with how many wait for it in the end.
std::vector<std::pair<std::int32_t, std::size_t>> roots_of(Machine& machine) {
  std::vector<std::pair<std::int32_t, std::size_t>> roots;
  for (const CrossRoot& root : machine.joined().roots) {
    roots.emplace_back(machine.snapshot(root.process).process.pid.value, root.victims.size());
  }
  return roots;
}

TEST(CrossRoots, AreTheEndsOfChainsOverThreeProcesses) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {300});
  machine.process(300);
  machine.waits(machine.process(400), 0, CallAct::kRead, {200});
  const Across across = machine.joined();
  ASSERT_EQ(across.roots.size(), 1U);
  const CrossRoot& root = across.roots[0];
  EXPECT_EQ(root.process, 2U);
  EXPECT_EQ(root.thread, 0U);
  EXPECT_EQ(root.hops, 2U);
  EXPECT_EQ(root.path, (Members{{0, 0}, {1, 0}, {2, 0}}));
  EXPECT_EQ(root.victims, (Members{{0, 0}, {1, 0}, {3, 0}}));
}

TEST(CrossRoots, AreNotToldOfTwoProcesses) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.process(200);
  EXPECT_TRUE(machine.joined().roots.empty());
}

TEST(CrossRoots, HaveThreadsBehindLocksAsVictimsToo) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kRead, {200});
  const ProcessIndex server = machine.process(200, 3);
  machine.waits_for_own(server, 0, 2);
  machine.waits_for_own(server, 1, 2);
  machine.waits(server, 2, CallAct::kRead, {300});
  machine.process(300);
  ASSERT_EQ(machine.joined().roots.size(), 1U);
  EXPECT_EQ(machine.joined().roots[0].victims.size(), 4U);
  EXPECT_EQ(machine.joined().roots[0].path.back(), (ThreadRef{2, 0}));
}

TEST(CrossRoots, EndWithAProcessOfWhichSeveralThreadsMayAct) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {300});
  const ProcessIndex server = machine.process(300, 2);
  machine.waits(server, 0, CallAct::kRead, {400});
  machine.process(400);
  const Across across = machine.joined();
  ASSERT_EQ(across.roots.size(), 1U);
  EXPECT_EQ(across.roots[0].process, server);
  EXPECT_EQ(across.roots[0].thread, std::nullopt);
  EXPECT_EQ(across.roots[0].path, (Members{{0, 0}, {1, 0}}));
}

TEST(CrossRoots, EndWithNobodyWhereOneOfSeveralChildrenMayAct) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200, 300}).needs = Needs::kAny;
  machine.waits(machine.process(200), 0, CallAct::kRead, {400});
  machine.waits(machine.process(300), 0, CallAct::kRead, {500});
  machine.process(400);
  machine.process(500);
  EXPECT_TRUE(machine.joined().roots.empty());
}

TEST(CrossRoots, AreNobodyWhoIsIdle) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {300});
  machine.diagnosis(machine.process(300)).threads[0].activity = Activity::kIdle;
  EXPECT_TRUE(machine.joined().roots.empty());
}

TEST(CrossRoots, AreNobodyInADeadlock) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  machine.waits(machine.process(200), 0, CallAct::kRead, {300});
  machine.waits(machine.process(300), 0, CallAct::kRead, {200});
  EXPECT_TRUE(machine.joined().roots.empty());
  EXPECT_EQ(machine.joined().cycles.size(), 1U);
}

TEST(CrossRoots, ComeToAnEndWhereProcessesMayWakeEachOther) {
  Machine machine;
  machine.waits(machine.process(100), 0, CallAct::kChild, {200});
  const ProcessIndex left = machine.process(200, 2);
  const ProcessIndex right = machine.process(300, 2);
  machine.waits(left, 0, CallAct::kRead, {300});
  machine.waits(right, 0, CallAct::kRead, {200});
  machine.waits(left, 1, CallAct::kRead, {400});
  machine.waits(right, 1, CallAct::kRead, {400});
  machine.process(400);
  EXPECT_EQ(roots_of(machine), (std::vector<std::pair<std::int32_t, std::size_t>>{{400, 5}}));
}

class ConfirmAcross : public ::testing::Test {
 protected:
  ConfirmAcross() {
    machine_.waits(machine_.process(100), 0, CallAct::kChild, {200});
    machine_.waits(machine_.process(200), 0, CallAct::kWrite, {100});
    across_ = machine_.joined();
    looks_ = still(machine_, across_);
  }

  void expect_dropped() {
    EXPECT_FALSE(nothing_moved(machine_.views(), looks_, across_));
    confirm(machine_.views(), looks_, across_);
    EXPECT_TRUE(across_.cycles.empty());
    EXPECT_EQ(across_.moved, 1U);
  }

  Machine machine_;
  Across across_;
  std::vector<LaterLook> looks_;
};

TEST_F(ConfirmAcross, StandsWhereNobodyMoved) {
  EXPECT_TRUE(nothing_moved(machine_.views(), looks_, across_));
  confirm(machine_.views(), looks_, across_);
  ASSERT_EQ(across_.cycles.size(), 1U);
  EXPECT_TRUE(across_.cycles[0].confirmation.looked_again);
  EXPECT_TRUE(across_.cycles[0].confirmation.counters_seen);
  EXPECT_EQ(across_.cycles[0].confirmation.gap, std::chrono::milliseconds(29));
}

/// 100 and 400 wait for 200, that one for 300, which works.
class ConfirmChain : public ::testing::Test {
 protected:
  ConfirmChain() {
    machine_.waits(machine_.process(100), 0, CallAct::kChild, {200});
    machine_.waits(machine_.process(200), 0, CallAct::kRead, {300});
    machine_.process(300);
    machine_.waits(machine_.process(400), 0, CallAct::kRead, {200});
    across_ = machine_.joined();
    looks_ = still(machine_, across_);
  }

  Machine machine_;
  Across across_;
  std::vector<LaterLook> looks_;
};

TEST_F(ConfirmChain, ItsEndMayRun) {
  EXPECT_EQ(find_who_must_stand_still(machine_.views(), across_, 2), std::vector<Tid>{});
  EXPECT_TRUE(nothing_moved(machine_.views(), looks_, across_));
  confirm(machine_.views(), looks_, across_);
  ASSERT_EQ(across_.roots.size(), 1U);
  EXPECT_EQ(across_.roots[0].victims.size(), 3U);
  EXPECT_TRUE(across_.roots[0].confirmation.looked_again);
}

TEST_F(ConfirmChain, FallsWhereOneOnItRan) {
  ++looks_[1].second.threads[0].switches->voluntary;
  EXPECT_FALSE(nothing_moved(machine_.views(), looks_, across_));
  confirm(machine_.views(), looks_, across_);
  EXPECT_TRUE(across_.roots.empty());
  EXPECT_EQ(across_.moved, 0U) << "it was no deadlock";
}

TEST_F(ConfirmChain, LosesVictimsThatRan) {
  ++looks_[3].second.threads[0].switches->voluntary;
  EXPECT_TRUE(nothing_moved(machine_.views(), looks_, across_));
  confirm(machine_.views(), looks_, across_);
  ASSERT_EQ(across_.roots.size(), 1U);
  EXPECT_EQ(across_.roots[0].victims, (Members{{0, 0}, {1, 0}}));
}

TEST_F(ConfirmAcross, FallsWhereOneRan) {
  ++looks_[1].second.threads[0].switches->voluntary;
  expect_dropped();
}

TEST_F(ConfirmAcross, FallsWhereAnotherMayActByNow) {
  looks_[1].diagnosis.kernel_waits[0].processes.push_back(Tid{300});
  expect_dropped();
}

TEST_F(ConfirmAcross, FallsWhereAProcessHasANewThread) {
  looks_[0].snapshot.threads.emplace_back().tid = Tid{101};
  expect_dropped();
}

}  // namespace
}  // namespace pstuck
