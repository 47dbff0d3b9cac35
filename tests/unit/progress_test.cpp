// What is told from several looks at a thread.

#include "analyzers/progress.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

using Functions = std::vector<std::string>;

/// Three threads: 0 runs and has a lock that 1 waits for, 2 runs too.
class ProgressOfThreads : public ::testing::Test {
 protected:
  ProgressOfThreads() {
    snapshot_.threads.resize(3);
    diagnosis_.threads = {{.activity = Activity::kRuns},
                          {.activity = Activity::kWaits, .wait = 0},
                          {.activity = Activity::kRuns}};
    diagnosis_.resources = {{.holder = {.fate = OwnerFate::kThread, .thread = 0}}};
    diagnosis_.waits = {{.thread = 1}};
    diagnosis_.pile_ups = {{.waits = {0}}};
    captured({"scan", "parse", "main"}, {0, 1, 2});
  }

  static void put(Stacks& stacks, std::size_t stack, const Functions& functions) {
    for (const std::string& function : functions) {
      stacks.stacks[stack].frames.push_back({.location = stacks.locations.size()});
      stacks.locations.push_back({.function = function, .module = "app"});
    }
  }

  /// Thread 0's own stack; `own` are the frames that are the program's.
  void captured(const Functions& functions, std::vector<std::size_t> own) {
    stacks_ = {};
    stacks_.stacks.resize(3);
    put(stacks_, 0, functions);
    diagnosis_.threads[0].functions = std::move(own);
  }

  /// One more look 50 ms after the last one.
  SampledLook& look(milliseconds cpu_time, const Functions& functions = {}) {
    SampledLook& look = looks_.emplace_back();
    look.sample.monotonic = milliseconds(50) * static_cast<int>(looks_.size());
    look.sample.threads = {{.tid = {100}}, {.tid = {101}}};
    look.sample.threads[0].cpu_time = cpu_time;
    look.sample.threads[0].syscall.state = SyscallState::kUserMode;
    look.sample.threads[1].switches = ContextSwitches{7, 0};
    if (functions.empty()) return look;
    look.stacks.stacks.resize(1);
    put(look.stacks, 0, functions);
    return look;
  }

  ThreadProgress find(std::size_t thread = 0) {
    const Samples samples = compare_samples(snapshot_, stacks_, diagnosis_,
                                            find_held_up_by_running(diagnosis_), looks_);
    EXPECT_EQ(samples.looks, looks_.size());
    EXPECT_EQ(samples.threads.size(), 2U);
    return samples.threads.at(thread);
  }

  Snapshot snapshot_;
  Stacks stacks_;
  Diagnosis diagnosis_;
  std::vector<SampledLook> looks_;
};

TEST_F(ProgressOfThreads, LooksAtHoldersThatRunAndAtThoseBehindThem) {
  const Sampled sampled = find_held_up_by_running(diagnosis_);
  EXPECT_EQ(sampled.captured, std::vector<ThreadIndex>{0});
  EXPECT_EQ(sampled.watched, std::vector<ThreadIndex>{1});
  const Sampled all = find_all_to_sample(diagnosis_);
  EXPECT_EQ(all.captured, (std::vector<ThreadIndex>{0, 2}));
  diagnosis_.threads[0].activity = Activity::kSleeps;
  EXPECT_TRUE(find_held_up_by_running(diagnosis_).captured.empty());
}

TEST_F(ProgressOfThreads, FindsTheInnermostFunctionThatIsInAllStacks) {
  look(milliseconds(100));
  look(milliseconds(149), {"next_token", "scan", "parse", "main"});
  look(milliseconds(198), {"scan", "parse", "main"});
  EXPECT_EQ(find().frame, 0U);
  EXPECT_EQ(find().stacks, 3U);
  EXPECT_EQ(find().cpu_time, milliseconds(98));
  EXPECT_TRUE(find().ran);
  EXPECT_EQ(find().in_kernel, 0U);
  look(milliseconds(240), {"write_out", "parse", "main"});
  EXPECT_EQ(find().frame, 1U);
  EXPECT_EQ(find().same_frames, 2U);
  look(milliseconds(240), {"other_main"});
  EXPECT_FALSE(find().frame);
}

TEST_F(ProgressOfThreads, AFrameOfTheProgramTellsMoreThanOneOfLibc) {
  captured({"memset", "scan", "main"}, {1, 2});
  look(milliseconds(0));
  look(milliseconds(50), {"memset", "scan", "main"});
  EXPECT_EQ(find().same_frames, 3U);
  EXPECT_EQ(find().frame, 1U);
}

TEST_F(ProgressOfThreads, CodeWithoutNamesIsTheSameAtTheSameAddressOnly) {
  captured({"", "main"}, {0, 1});
  look(milliseconds(0));
  look(milliseconds(50), {"", "main"});
  EXPECT_EQ(find().frame, 0U);
  looks_.back().stacks.locations[0].module_offset = 4;
  EXPECT_EQ(find().frame, 1U);
}

TEST_F(ProgressOfThreads, AStopIsNoProgress) {
  look(milliseconds(100)).sample.threads[0].switches = ContextSwitches{1, 1};
  look(milliseconds(100), {"scan"}).sample.threads[0].switches = ContextSwitches{2, 1};
  looks_.back().sample.threads[0].cpu_time = milliseconds(100) + std::chrono::microseconds(80);
  EXPECT_FALSE(find().ran);
  EXPECT_FALSE(find(1).ran);
  looks_.back().sample.threads[1].switches->voluntary += 1;
  EXPECT_TRUE(find(1).ran);
  EXPECT_EQ(find(1).stacks, 0U);
}

TEST_F(ProgressOfThreads, CountsTheLooksInWhichItWasInTheKernel) {
  look(milliseconds(0));
  look(milliseconds(50), {"scan", "parse", "main"}).sample.threads[0].syscall = {
      .state = SyscallState::kReturned, .number = 0};
  EXPECT_EQ(find().in_kernel, 1U);
  EXPECT_EQ(find().syscall, 0);
  look(milliseconds(90), {"scan"}).sample.threads[0].syscall = {.state = SyscallState::kInSyscall,
                                                                .number = 1};
  EXPECT_EQ(find().in_kernel, 2U);
  EXPECT_EQ(find().syscall, -1);
  snapshot_.threads[0].syscall = {.state = SyscallState::kReturned, .number = 0};
  EXPECT_EQ(find().in_kernel, 3U);
}

TEST_F(ProgressOfThreads, WhoEndsMadeProgress) {
  look(milliseconds(100));
  look(milliseconds(100)).sample.threads[1].state = 'X';
  EXPECT_TRUE(find(1).ended && find(1).ran);
}

TEST_F(ProgressOfThreads, OneLookTellsNothing) {
  look(milliseconds(0));
  EXPECT_TRUE(
      compare_samples(snapshot_, stacks_, diagnosis_, find_all_to_sample(diagnosis_), looks_)
          .looks == 0);
}

}  // namespace
}  // namespace pstuck
