#include "analyzers/thread_rules.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "cli/lock_file.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck::testing {
namespace {

using std::chrono::seconds;

constexpr Address kWord{0x5000};

class ThreadRules : public ::testing::Test {
 protected:
  void add(const std::string& text) {
    for (ThreadRule& rule : parse_lock_file(text, "test.toml").rules) {
      target_.options().rules.push_back(std::move(rule));
    }
  }

  /// In a futex call that no primitive claims.
  FakeThread& sleeper(std::int32_t tid, FakeFrames frames) {
    return target_.thread(tid).in_futex(kWord, 0, 0).with_stack(std::move(frames));
  }

  /// The reason told of the thread; empty for none.
  std::string remark(std::int32_t tid) {
    const Diagnosis& diagnosis = target_.diagnosis();
    for (ThreadIndex i = 0; i < target_.snapshot().threads.size(); ++i) {
      const auto& remark = diagnosis.threads[i].remark;
      if (target_.snapshot().threads[i].tid.value == tid && remark) {
        return diagnosis.remarks.at(*remark).reason;
      }
    }
    return {};
  }

  SnapshotBuilder target_;
};

TEST_F(ThreadRules, TellWhoWaitsForWorkFromWhoWaitsInAJob) {
  add("[[idle]]\nwaits_in = [\"Pool::next\"]\nreason = \"the pool\"\n");
  sleeper(101, {"libc.so.6:syscall", "Pool::next(int)", "Pool::run()"});
  sleeper(102, {"libc.so.6:syscall", "Job::run()", "Pool::next(int)", "Pool::run()"});
  target_.diagnose();
  EXPECT_EQ(remark(101), "the pool");
  EXPECT_EQ(remark(102), "");
}

TEST_F(ThreadRules, LookAtTheWholeStack) {
  add("[[idle]]\nunder = [\"serve\"]\nnot_under = [\"run_*\"]\nreason = \"a client\"\n");
  sleeper(101, {"libc.so.6:syscall", "read_some", "serve"});
  sleeper(102, {"libc.so.6:syscall", "read_some", "run_query", "serve"});
  sleeper(103, {"libc.so.6:syscall", "read_some"});
  target_.diagnose();
  EXPECT_EQ(remark(101), "a client");
  EXPECT_EQ(remark(102), "");
  EXPECT_EQ(remark(103), "");
}

TEST_F(ThreadRules, KnowAThreadThatNeverLeftItsLibrary) {
  add("[[idle]]\nmodules = [\"libpool.so.*\"]\nreason = \"libpool\"\n");
  sleeper(101, {"libc.so.6:syscall", "libpool.so.1:wait", "libc.so.6:start_thread"});
  sleeper(102, {"libc.so.6:syscall", "libpool.so.1:wait", "job", "libpool.so.1:run"});
  sleeper(103, {"libc.so.6:syscall", "libc.so.6:start_thread"});
  target_.diagnose();
  EXPECT_EQ(remark(101), "libpool");
  EXPECT_EQ(remark(102), "");
  EXPECT_EQ(remark(103), "");
}

TEST_F(ThreadRules, AskForTheKindOfWait) {
  add("[[idle]]\nwaits_in = [\"work\"]\nwaits_for = [\"epoll_wait\"]\nreason = \"events\"\n");
  target_.thread(101).in_call(SYS_epoll_wait).with_stack({"libc.so.6:epoll_wait", "work"});
  target_.thread(102).in_call(SYS_poll).with_stack({"libc.so.6:poll", "work"});
  target_.thread(103).waits_for("A");
  target_.mutex("A").owned_by(101);
  target_.diagnose();
  EXPECT_EQ(remark(101), "events");
  EXPECT_EQ(remark(102), "");
  EXPECT_EQ(remark(103), "");
}

TEST_F(ThreadRules, AskForTheProcess) {
  add("[[idle]]\nprocess = \"other\"\nwaits_in = [\"work\"]\nreason = \"a pool\"\n");
  sleeper(101, {"libc.so.6:syscall", "work"});
  target_.diagnose();
  EXPECT_EQ(remark(101), "");
}

TEST_F(ThreadRules, LeaveNoStalledHolderThatIsIdle) {
  target_.mutex("A").owned_by(101);
  sleeper(101, {"libc.so.6:syscall", "Pool::next()"}).asleep_for(seconds(60));
  target_.thread(102).waits_for("A").asleep_for(seconds(60));
  EXPECT_EQ(target_.diagnose().findings.size(), 1U);
  add("[[idle]]\nwaits_in = [\"Pool::next\"]\nreason = \"the pool\"\n");
  const Diagnosis& diagnosis = target_.diagnose();
  EXPECT_TRUE(diagnosis.findings.empty());
  // Still told as who has it.
  ASSERT_EQ(diagnosis.pile_ups.size(), 1U);
  EXPECT_EQ(diagnosis.pile_ups[0].root, 0U);
}

TEST_F(ThreadRules, LeaveNoPileUpOfIdleThreads) {
  target_.mutex("A").owned_by(101);
  target_.thread(101).in_call(SYS_fsync).asleep_for(seconds(60));
  for (const std::int32_t tid : {102, 103}) {
    target_.thread(tid).waits_for("A").below({"IOThread"}).asleep_for(seconds(60));
  }
  EXPECT_EQ(target_.diagnose().findings.size(), 1U);
  add("[[idle]]\nwaits_in = [\"IOThread\"]\nwaits_for = [\"lock\"]\nreason = \"I/O\"\n");
  const Diagnosis& diagnosis = target_.diagnose();
  EXPECT_TRUE(diagnosis.findings.empty());
  ASSERT_EQ(diagnosis.others.size(), 2U);
  EXPECT_EQ(diagnosis.others[0].group.threads.size(), 2U);
  EXPECT_EQ(diagnosis.others[0].activity, Activity::kIdle);
  // With one that is not parked among them all are told.
  target_.thread(104).waits_for("A").below({"serve"}).asleep_for(seconds(60));
  ASSERT_EQ(target_.diagnose().findings.size(), 1U);
  EXPECT_EQ(target_.diagnosis().findings[0].stuck_behind.size(), 3U);
}

TEST_F(ThreadRules, HideNoDeadlock) {
  target_.mutex("A").owned_by(101);
  target_.mutex("B").owned_by(102);
  target_.thread(101).waits_for("B").below({"IOThread"});
  target_.thread(102).waits_for("A").below({"IOThread"});
  add("[[idle]]\nwaits_in = [\"IOThread\"]\nwaits_for = [\"lock\"]\nreason = \"I/O\"\n");
  ASSERT_EQ(target_.diagnose().findings.size(), 1U);
  EXPECT_EQ(target_.diagnosis().findings[0].kind, FindingKind::kDeadlock);
}

// Who waits in a lock table waits in the calls that others are idle in.
TEST_F(ThreadRules, CallAHolderThatMustBeAskedStalled) {
  target_.mutex("A").owned_by(101);
  target_.thread(101).in_call(SYS_poll).below({"LockTable::wait"}).asleep_for(seconds(60));
  target_.thread(102).waits_for("A").asleep_for(seconds(60));
  EXPECT_TRUE(target_.diagnose().findings.empty());
  add("[[ask]]\nunder = [\"LockTable::wait\"]\nreason = \"a row\"\ncommand = \"show\"\n");
  ASSERT_EQ(target_.diagnose().findings.size(), 1U);
  EXPECT_EQ(target_.diagnosis().findings[0].kind, FindingKind::kStalledHolder);
}

TEST_F(ThreadRules, PutThreadsOfOneReasonTogetherWhateverTheirStacks) {
  add("[[idle]]\nwaits_in = [\"Pool::*\"]\nreason = \"the pool\"\n");
  sleeper(101, {"libc.so.6:syscall", "Pool::first()", "start_a"});
  sleeper(102, {"libc.so.6:syscall", "Pool::second()", "start_b"});
  ASSERT_EQ(target_.diagnose().others.size(), 1U);
  EXPECT_EQ(target_.diagnosis().others[0].group.threads.size(), 2U);
  EXPECT_TRUE(target_.diagnosis().others[0].group.functions.empty());
}

}  // namespace
}  // namespace pstuck::testing
