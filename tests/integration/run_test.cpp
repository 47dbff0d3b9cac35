// pstuck run: timeout(1) that says what hangs.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

Command run_command(const Command& options, const Command& command) {
  Command words = pstuck_command({"run"});
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

Command shell(const std::string& script) { return {"sh", "-c", script}; }

bool is_gone(int pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

/// Processes that tell their ids in a file each: "echo $$ > NAME".
class RunTest : public ::testing::Test {
 protected:
  RunTest() : directory_(make_test_directory()) {}
  ~RunTest() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }

  [[nodiscard]] int pid_in(const std::string& name) const {
    int pid = 0;
    poll_until([&] { return static_cast<bool>(std::ifstream(file(name)) >> pid); });
    return pid;
  }

  /// A process tells its id, and sleeps.
  [[nodiscard]] std::string sleeper(const std::string& name) const {
    return "echo $$ > " + file(name) + "; exec sleep 300";
  }

  /// One that has left the tree, and that SIGTERM does not end; and a plain one.
  [[nodiscard]] Command with_daemon() const {
    return shell("(setsid sh -c 'trap \"\" TERM; " + sleeper("daemon") + "' &); " + "until [ -s " +
                 file("daemon") + " ]; do :; done; " + sleeper("command"));
  }

  fs::path directory_;
};

TEST_F(RunTest, EndsAsTheCommandDoes) {
  const auto status_of = [](const Command& command) {
    return run(run_command({"--timeout", "60s"}, command)).status;
  };
  EXPECT_EQ(status_of({"true"}), 0);
  EXPECT_EQ(status_of(shell("exit 7")), 7);
  EXPECT_EQ(status_of({"/etc/passwd"}), 126);
  EXPECT_EQ(status_of({file("nothing")}), 127);
  EXPECT_EQ(run(run_command({"--timeout", "60s"}, shell("kill -USR1 $$"))).signal, SIGUSR1);
  EXPECT_EQ(
      run(shell(std::string(PSTUCK_BINARY) + " run --timeout 60s sh -c 'kill -9 $$'; exit $?"))
          .status,
      128 + SIGKILL);
  EXPECT_EQ(run(run_command({}, {"true"})).status, 125) << "there is no limit";
  EXPECT_EQ(run(run_command({"--timeout", "soon"}, {"true"})).status, 125);
}

TEST_F(RunTest, LeavesTheStandardStreamsAlone) {
  for (const Command& limit : {Command{"--timeout", "60s"}, Command{"--quiet", "60s"}}) {
    Subprocess process(run_command(limit, shell("cat; echo oops >&2")));
    process.write_line("one");
    EXPECT_EQ(process.read_line(), "one");
    process.write_line("two");
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "two\n");
    EXPECT_EQ(outcome.err, "oops\n");
  }
}

TEST_F(RunTest, SaysWhatHangsAndLeavesNobody) {
  const std::string sample = std::string(PSTUCK_SAMPLES) + "/O2/self_deadlock";
  const Outcome outcome = run(run_command(
      {"--timeout", "3s", "--kill-after", "50ms"},
      shell("(setsid sh -c 'trap \"\" TERM; " + sleeper("daemon") + "' &); " + sample)));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.err.find("did not end within 3 s"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("DEADLOCK  self_deadlock"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("==> sleep (pid"), std::string::npos) << outcome.err;
  EXPECT_TRUE(is_gone(pid_in("daemon")));
}

/// A look that comes to no end: its first file is a FIFO that nobody reads.
class EndlessLookTest : public RunTest {
 protected:
  EndlessLookTest() { EXPECT_EQ(mkfifo(file("command.txt").c_str(), 0600), 0); }

  [[nodiscard]] Command with_endless_look(const Command& options) const {
    Command words{"--timeout", "100ms", "--artifacts", directory_};
    words.insert(words.end(), options.begin(), options.end());
    return run_command(words, shell("echo $PPID > " + file("half") + "; " + sleeper("command")));
  }

  /// pstuck's inner process, once it looks.
  int wait_until_it_looks() const {
    const int half = pid_in("half");
    const fs::path threads = "/proc/" + std::to_string(half) + "/task";
    EXPECT_TRUE(poll_until([&] {
      return std::distance(fs::directory_iterator(threads), fs::directory_iterator()) > 1;
    }));
    return half;
  }
};

TEST_F(EndlessLookTest, TheBudgetCutsItShort) {
  const Outcome outcome = run(with_endless_look({"--budget", "200ms"}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.err.find("the look took longer than 200 ms"), std::string::npos) << outcome.err;
  EXPECT_TRUE(is_gone(pid_in("command")));
}

// The report itself cannot be written: that is a FIFO.
TEST_F(RunTest, WhatIsDoneWhenTheBudgetEndsIsThere) {
  EXPECT_EQ(mkfifo(file("report.txt").c_str(), 0600), 0);
  const std::string sample = std::string(PSTUCK_SAMPLES) + "/O2/self_deadlock";
  const Outcome outcome = run(run_command(
      {"--timeout", "2s", "--budget", "3s", "--kill-after", "50ms", "--artifacts", directory_},
      {sample}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.err.find("the look took longer than 3 s"), std::string::npos) << outcome.err;
  std::ifstream so_far(file("so-far.txt"));
  const std::string text{std::istreambuf_iterator<char>(so_far), {}};
  EXPECT_NE(text.find("wants g_journal.mu_"), std::string::npos) << text;
}

TEST_F(EndlessLookTest, SoDoesSigterm) {
  Subprocess process(with_endless_look({}));
  wait_until_it_looks();
  kill(process.pid(), SIGTERM);
  EXPECT_EQ(process.finish().status, 124);
  EXPECT_TRUE(is_gone(pid_in("command")));
}

TEST_F(EndlessLookTest, OneThatCrashesIsATimeoutAllTheSame) {
  Subprocess process(with_endless_look({}));
  kill(wait_until_it_looks(), SIGSEGV);
  EXPECT_EQ(process.finish().status, 124);
  EXPECT_TRUE(is_gone(pid_in("command")));
}

TEST_F(RunTest, OneInsideTheOtherEndsToo) {
  Command inner = run_command({"--timeout", "60s"}, with_daemon());
  const Outcome outcome = run(run_command({"--timeout", "3s", "--kill-after", "100ms"}, inner));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_TRUE(is_gone(pid_in("command")));
  EXPECT_TRUE(is_gone(pid_in("daemon")));
}

TEST_F(RunTest, PassesSignalsOn) {
  Subprocess process(run_command(
      {"--timeout", "60s"},
      shell(
          "trap 'echo usr1' USR1; trap 'echo int; exit 5' INT; echo ready; while :; do :; done")));
  EXPECT_EQ(process.read_line(), "ready");
  kill(process.pid(), SIGUSR1);
  EXPECT_EQ(process.read_line(), "usr1");
  kill(process.pid(), SIGINT);
  EXPECT_EQ(process.read_line(), "int");
  EXPECT_EQ(process.finish().status, 5);
}

TEST_F(RunTest, EndsAllWhenItIsToldToEnd) {
  Subprocess process(run_command({"--timeout", "60s", "--kill-after", "50ms"}, with_daemon()));
  const int command = pid_in("command");
  kill(process.pid(), SIGTERM);
  EXPECT_EQ(process.finish().signal, SIGTERM);
  EXPECT_TRUE(is_gone(command));
  EXPECT_TRUE(is_gone(pid_in("daemon")));
}

TEST_F(RunTest, EndsAllWhenItIsKilled) {
  Subprocess process(run_command({"--timeout", "60s", "--kill-after", "50ms"}, with_daemon()));
  const int command = pid_in("command");
  kill(process.pid(), SIGKILL);
  EXPECT_TRUE(poll_until([&] { return is_gone(command) && is_gone(pid_in("daemon")); }));
}

TEST_F(RunTest, EndsAllWhenItsOtherHalfIsKilled) {
  Subprocess process(
      run_command({"--timeout", "60s", "--kill-after", "50ms"},
                  shell("echo $PPID > " + file("half") + "; " + sleeper("command"))));
  const int command = pid_in("command");
  kill(pid_in("half"), SIGKILL);
  const Outcome outcome = process.finish();
  EXPECT_EQ(outcome.status, 125);
  EXPECT_NE(outcome.err.find("was killed"), std::string::npos) << outcome.err;
  EXPECT_TRUE(is_gone(command));
}

TEST_F(RunTest, WhoRunsOnAfterTheCommandIsLeftAlone) {
  const Outcome outcome = run(run_command(
      {"--timeout", "60s"}, shell("sh -c '" + sleeper("left") + "' </dev/null >/dev/null 2>&1 &")));
  EXPECT_EQ(outcome.status, 0);
  const int left = pid_in("left");
  EXPECT_FALSE(is_gone(left));
  kill(left, SIGKILL);
}

TEST_F(RunTest, SilenceIsALimitToo) {
  const Outcome outcome =
      run(run_command({"--quiet", "300ms"}, shell("echo begun; exec sleep 300")));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_EQ(outcome.out, "begun\n");
  EXPECT_NE(outcome.err.find("wrote nothing for 300 ms"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("sleeps in clock_nanosleep"), std::string::npos) << outcome.err;
}

TEST_F(RunTest, WithQuietALeftBehindProcessDoesNotKeepItWaiting) {
  const Outcome outcome =
      run(run_command({"--quiet", "60s"}, shell("sh -c '" + sleeper("left") + "' & echo done")));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "done\n");
  kill(pid_in("left"), SIGKILL);
}

TEST_F(RunTest, WithQuietTheCommandSeesThatNobodyReads) {
  EXPECT_EQ(run(shell("(" + std::string(PSTUCK_BINARY) + " run --quiet 60s -- yes; echo $? > " +
                      file("status") + ") | head -n 1"))
                .out,
            "y\n");
  EXPECT_EQ(pid_in("status"), 128 + SIGPIPE);
}

TEST_F(RunTest, WithQuietAllOutputComesThrough) {
  const Outcome outcome = run(run_command({"--quiet", "60s"}, {"seq", "100000"}));
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 100000);
}

}  // namespace
}  // namespace pstuck::testing
