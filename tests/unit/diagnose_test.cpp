#include "analyzers/diagnose.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/diagnosis_invariants.h"
#include "tests/support/snapshot_builder.h"

// Any snapshot gives a diagnosis, and what each thread does is told.

namespace pstuck {
namespace {

using testing::DiagnosisInvariants;
using testing::SnapshotBuilder;

std::string broken_in(const Snapshot& snapshot, const Stacks& stacks) {
  testing::FakeMemory memory;
  testing::FakeProgram program;
  testing::FakeTasks tasks;
  const Diagnosis diagnosis = diagnose(snapshot, stacks, {memory, program, tasks});
  return DiagnosisInvariants(snapshot, diagnosis).find_broken();
}

TEST(Diagnose, TakesAnEmptySnapshot) { EXPECT_EQ(broken_in({}, {}), ""); }

TEST(Diagnose, TakesStacksThatDoNotFit) {
  Snapshot snapshot;
  snapshot.threads.resize(3);
  Stacks stacks;
  stacks.stacks.resize(1);
  stacks.stacks[0].frames.resize(4);
  stacks.stacks[0].frames[2].location = 77;
  EXPECT_EQ(broken_in(snapshot, stacks), "");
}

TEST(Diagnose, TakesRandomCallsOverUnreadableMemory) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    Snapshot snapshot;
    for (std::int32_t i = 0; i < 20; ++i) {
      ThreadSnapshot& thread = snapshot.threads.emplace_back();
      thread.tid = thread.tid_in_target = {i};
      thread.syscall.state = static_cast<SyscallState>(random() % 4);
      thread.syscall.number = random() % 2 == 0 ? 202 : static_cast<std::int64_t>(random() % 500);
      for (std::uint64_t& argument : thread.syscall.arguments) {
        argument = random() >> (random() % 64);
      }
      thread.state = "RSDTtZX?"[random() % 8];
      for (std::uint64_t& value : thread.registers.by_dwarf_number) value = random();
      thread.registers.known = random();
    }
    ASSERT_EQ(broken_in(snapshot, {}), "") << "round " << round;
  }
}

struct ActivityCase {
  char state;
  SyscallState call;
  std::int64_t number;
  Activity activity;
};

TEST(Activity, IsToldFromStateAndCall) {
  const ActivityCase cases[] = {
      {'S', SyscallState::kInSyscall, 232, Activity::kIdle},
      {'S', SyscallState::kInSyscall, 35, Activity::kSleeps},
      {'S', SyscallState::kInSyscall, 0, Activity::kBlocked},
      {'S', SyscallState::kInSyscall, 9999, Activity::kBlocked},
      {'S', SyscallState::kInSyscall, 202, Activity::kFutex},
      {'D', SyscallState::kInSyscall, 0, Activity::kUninterruptible},
      {'T', SyscallState::kInSyscall, 0, Activity::kStopped},
      {'R', SyscallState::kUserMode, -1, Activity::kRuns},
      {'S', SyscallState::kReturned, 202, Activity::kRuns},
      {'R', SyscallState::kUnknown, -1, Activity::kRuns},
      {'S', SyscallState::kUnknown, -1, Activity::kUnknown},
      {'Z', SyscallState::kUnknown, -1, Activity::kEnded},
  };
  for (const ActivityCase& expected : cases) {
    SnapshotBuilder target;
    target.thread(101).in_call(expected.number).in_state(expected.state).in(expected.call);
    const ThreadStatus& status = target.diagnose().threads.at(0);
    EXPECT_EQ(status.activity, expected.activity) << expected.state << expected.number;
    const bool in_call = expected.call == SyscallState::kInSyscall;
    EXPECT_EQ(status.syscall, in_call ? expected.number : -1);
  }
}

// gcore stops the process that it dumps.
TEST(Activity, OfACoreIgnoresThatItWasStopped) {
  SnapshotBuilder target;
  target.facts().kind = TargetKind::kCore;
  target.thread(101).in_call(0).in_state('t');
  EXPECT_EQ(target.diagnose().threads.at(0).activity, Activity::kBlocked);
}

TEST(Activity, OfAThreadWithAWaitIsTheWait) {
  SnapshotBuilder target;
  target.mutex("A").owned_by(102);
  target.thread(101).waits_for("A");
  target.thread(102).runs();
  const Diagnosis& diagnosis = target.diagnose();
  EXPECT_EQ(diagnosis.threads[0].activity, Activity::kWaits);
  EXPECT_EQ(diagnosis.threads[0].frame, 2U);
}

}  // namespace
}  // namespace pstuck
