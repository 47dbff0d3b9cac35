// Do no harm: whatever happens to pstuck, the target runs on as if nobody had looked.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

struct Pulse {
  long ticks = 0;
  long interrupted = 0;
  long longest_pause_us = 0;
};

Pulse feel_pulse(SampleRun& heartbeat) {
  heartbeat.process().write_line("?");
  std::istringstream words(heartbeat.process().read_line());
  std::string fact;
  Pulse pulse;
  words >> fact >> pulse.ticks >> pulse.interrupted >> pulse.longest_pause_us;
  EXPECT_EQ(fact, "pulse");
  return pulse;
}

bool sleeps_in(const SampleRun& sample, const std::string& role, std::uint64_t call) {
  const auto words = read_syscall(sample.truth().tids.at(role));
  return !words.empty() && words[0] == call;
}

/// glibc 2.36 makes semop() of semtimedop (sysdeps/unix/sysv/linux/semop.c).
bool all_are_blocked(const SampleRun& heartbeat) {
  return sleeps_in(heartbeat, "poller", SYS_epoll_wait) &&
         (sleeps_in(heartbeat, "semaphore", SYS_semtimedop) ||
          sleeps_in(heartbeat, "semaphore", SYS_semop)) &&
         sleeps_in(heartbeat, "signals", SYS_rt_sigtimedwait) &&
         sleeps_in(heartbeat, "writer", SYS_write);
}

/// Value of a line "Key:\tvalue" in /proc/…/status; empty when the thread is gone.
std::string status_field(const std::filesystem::path& task, const std::string& key) {
  std::ifstream file(task / "status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  }
  return {};
}

/// The threads that stand stopped or traced, with what /proc says of them.
std::string disturbed_threads(int pid) {
  std::string disturbed;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    const std::string state = status_field(task.path(), "State");
    const std::string tracer = status_field(task.path(), "TracerPid");
    const bool stopped = state.starts_with("t") || state.starts_with("T");
    if (stopped || tracer != "0") {
      disturbed += task.path().string() + ": " + state + ", traced by " + tracer + "\n";
    }
  }
  return disturbed;
}

/// A state 't' may still be seen for an instant after the tracer's death woke the thread.
void expect_undisturbed(int pid) {
  poll_until([&] { return disturbed_threads(pid).empty(); }, std::chrono::seconds(2));
  EXPECT_EQ(disturbed_threads(pid), "");
}

class DoNoHarm : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static Command options() {
    return GetParam() ? Command{"--freeze"} : Command{"--samples", "3", "--interval", "5ms"};
  }
};

TEST_P(DoNoHarm, HeartBeatsOnAndNoCallIsBrokenOff) {
  SampleRun heartbeat({"heartbeat", "", "O2"});
  ASSERT_TRUE(poll_until([&] { return all_are_blocked(heartbeat); }));
  const Pulse before = feel_pulse(heartbeat);
  for (int look = 0; look < 5; ++look) {
    const auto target = diagnose(heartbeat.target(), options());
    ASSERT_FALSE(target.is_null());
    EXPECT_EQ(target.at("verdict"), "no_hang_found");
  }
  expect_undisturbed(heartbeat.truth().pid);
  const Pulse after = feel_pulse(heartbeat);
  EXPECT_EQ(after.interrupted, 0);
  EXPECT_TRUE(poll_until([&] { return feel_pulse(heartbeat).ticks > after.ticks; }));
  EXPECT_GT(after.ticks, before.ticks);
  std::cout << "longest pause between ticks: " << after.longest_pause_us << " us\n";
}

TEST_P(DoNoHarm, KilledAtAnyMomentItLeavesNobodyStopped) {
  SampleRun crowd({"sleeping_holder", "", "O2"});
  SampleRun heartbeat({"heartbeat", "", "O2"});
  ASSERT_TRUE(poll_until([&] { return all_are_blocked(heartbeat); }));
  Command command = pstuck_command(options());
  command.push_back(crowd.target());
  command.push_back(heartbeat.target());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(run(command).status, 0);
  const auto whole = std::chrono::steady_clock::now() - began;

  constexpr int kKills = 50;
  constexpr int kMostRuns = 500;
  std::mt19937 random(20240917);
  std::uniform_real_distribution<double> moment(0.0, 1.0);
  int killed = 0;
  for (int i = 0; i < kMostRuns && killed < kKills; ++i) {
    Subprocess pstuck(command);
    std::this_thread::sleep_for(whole * moment(random));
    pstuck.kill_now();
    if (pstuck.finish().signal == SIGKILL) ++killed;
    expect_undisturbed(crowd.truth().pid);
    expect_undisturbed(heartbeat.truth().pid);
  }
  EXPECT_EQ(killed, kKills);
  const long ticks = feel_pulse(heartbeat).ticks;
  EXPECT_TRUE(poll_until([&] { return feel_pulse(heartbeat).ticks > ticks; }));
}

std::string name_way(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "frozen" : "rolling";
}

INSTANTIATE_TEST_SUITE_P(, DoNoHarm, ::testing::Bool(), name_way);

// False alarms are the worst failure: look again and again while locks change hands.
TEST(HealthyUnderLoad, NoFindingInManyLooks) {
  const SampleRun pool({"busy_pool", "", "O2"});
  for (int look = 0; look < 20; ++look) {
    const auto target = diagnose(pool.target());
    ASSERT_FALSE(target.is_null());
    EXPECT_EQ(target.at("findings").dump(), "[]");
  }
}

// A thread that has slept for long while others wait for its lock is told apart from one that has
// only just gone to sleep. pstuck must not look meanwhile: its own stop counts as having run.
TEST(StalledHolder, IsFoundOnceItHasSleptForLong) {
  const SampleRun sample({"pile_up_chain", "", "O2"});
  std::this_thread::sleep_for(std::chrono::seconds(11));
  const auto target = diagnose(sample.target());
  ASSERT_FALSE(target.is_null());
  EXPECT_EQ(target.at("verdict"), "stuck");
  ASSERT_FALSE(target.at("findings").empty());
  for (const auto& finding : target.at("findings")) {
    EXPECT_EQ(finding.at("kind"), "stalled_holder");
  }
}

// A thread has pointers to pages that are not in memory: they may stay where they are.
TEST(Harm, NoMemoryIsBroughtIn) {
  const SampleRun sample({"untouched_cache", ""});
  if (!sample.skip_reason().empty()) GTEST_SKIP() << sample.skip_reason();
  const std::filesystem::path process = "/proc/" + sample.target();
  const std::string before = status_field(process, "RssShmem");
  ASSERT_FALSE(before.empty());
  for (const char* const scan : {"--scan-memory=auto", "--scan-memory=yes"}) {
    const auto target = diagnose(sample.target(), {scan});
    ASSERT_FALSE(target.is_null());
    for (const auto& thread : target["threads"]) EXPECT_TRUE(thread["holds"].empty()) << thread;
    EXPECT_EQ(status_field(process, "RssShmem"), before) << scan;
  }
}

}  // namespace
}  // namespace pstuck::testing
