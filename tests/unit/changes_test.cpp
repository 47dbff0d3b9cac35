// What changed in a process between two looks.

#include "analyzers/changes.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

using std::chrono::seconds;

/// A process of which one thread, 10, sleeps in a call.
struct Moment {
  Moment() {
    snapshot.process = {.pid = {10}, .executable = "/bin/orderd", .age = seconds(100)};
    snapshot.realtime = seconds(1000);
    add_thread(10);
  }

  ThreadSnapshot& add_thread(std::int32_t tid) {
    ThreadSnapshot thread{.tid = {tid}};
    thread.syscall = {.state = SyscallState::kInSyscall, .number = 202};
    thread.not_run_for = seconds(5);
    thread.switches = ContextSwitches{.voluntary = 7};
    snapshot.threads.push_back(thread);
    stacks.stacks.emplace_back().frames = {
        {.pc = CodeAddress::instruction({0x401000}), .sp = Address{0x7000}}};
    return snapshot.threads.back();
  }

  Moment& later(seconds by) {
    *snapshot.realtime += by;
    *snapshot.process.age += by;
    return *this;
  }

  ResourceIndex add_lock(std::uint64_t address, std::optional<ThreadIndex> owner) {
    Resource lock{.address = {address}};
    lock.holder.thread = owner;
    diagnosis.resources.push_back(lock);
    return diagnosis.resources.size() - 1;
  }

  [[nodiscard]] MomentView view() const { return {snapshot, stacks, diagnosis}; }

  Snapshot snapshot;
  Stacks stacks;
  Diagnosis diagnosis;
};

ThreadChange::Kind kind_of_first(const Moment& before, const Moment& after) {
  return find_changes(before.view(), after.view()).threads.at(0).kind;
}

TEST(Changes, AThreadThatSleptAllTheWhileStayed) {
  Moment after = Moment().later(seconds(60));
  after.snapshot.threads[0].not_run_for = seconds(60);
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kStayed);
}

TEST(Changes, AThreadThatPollsRanThoughItIsWhereItWas) {
  Moment after = Moment().later(seconds(60));
  after.snapshot.threads[0].not_run_for = seconds(1);
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kRanHere);
}

TEST(Changes, WithoutAClockTheSwitchesTell) {
  Moment after;
  after.snapshot.realtime.reset();
  after.snapshot.threads[0].switches = ContextSwitches{.voluntary = 9};
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kStayed);
  after.snapshot.threads[0].switches = ContextSwitches{.voluntary = 900};
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kRanHere);
  after.snapshot.threads[0].switches.reset();
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kRanHere);
}

TEST(Changes, AThreadInUserCodeRuns) {
  Moment before;
  Moment after;
  for (Moment* const moment : {&before, &after}) {
    moment->snapshot.threads[0].syscall = {.state = SyscallState::kUserMode};
  }
  EXPECT_EQ(kind_of_first(before, after), ThreadChange::Kind::kRanHere);
}

TEST(Changes, AnotherFrameOrAnotherCallIsAMove) {
  Moment after;
  after.stacks.stacks[0].frames[0].sp = Address{0x7008};
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kMoved);
  after = Moment();
  after.snapshot.threads[0].syscall.arguments[0] = 1;
  EXPECT_EQ(kind_of_first({}, after), ThreadChange::Kind::kMoved);
}

TEST(Changes, ThreadsStartAndEnd) {
  Moment before;
  before.add_thread(11);
  Moment after;
  after.add_thread(12);
  const auto threads = find_changes(before.view(), after.view()).threads;
  ASSERT_EQ(threads.size(), 3U);
  EXPECT_EQ(threads[1].kind, ThreadChange::Kind::kEnded);
  EXPECT_FALSE(threads[1].after);
  EXPECT_EQ(threads[2].kind, ThreadChange::Kind::kStarted);
  EXPECT_FALSE(threads[2].before);
}

TEST(Changes, LocksChangeHands) {
  Moment before;
  before.add_lock(0x1000, 0);
  before.add_lock(0x2000, 0);
  Moment after;
  after.add_thread(11);
  after.add_lock(0x1000, 1);
  const auto locks = find_changes(before.view(), after.view()).locks;
  ASSERT_EQ(locks.size(), 2U);
  EXPECT_EQ(locks[0].owner_before, Tid{10});
  EXPECT_EQ(locks[0].owner_after, Tid{11});
  EXPECT_EQ(locks[1].owner_before, Tid{10});
  EXPECT_FALSE(locks[1].owner_after);
}

TEST(Changes, AProcessIsKnownByItsIdItsStartAndItsProgram) {
  EXPECT_TRUE(is_same_process(Moment().snapshot, Moment().later(seconds(500)).snapshot));
  Moment other;
  other.snapshot.process.pid = {11};
  EXPECT_FALSE(is_same_process(Moment().snapshot, other.snapshot));
  other = Moment();
  other.snapshot.process.age = seconds(20);
  EXPECT_FALSE(is_same_process(Moment().snapshot, other.snapshot));
  other = Moment();
  other.snapshot.process.executable = "/bin/other";
  EXPECT_FALSE(is_same_process(Moment().snapshot, other.snapshot));
}

}  // namespace
}  // namespace pstuck
