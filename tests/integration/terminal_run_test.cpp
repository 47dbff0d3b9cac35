// pstuck run at a terminal: who has it, who gets Ctrl-C and Ctrl-Z.

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

/// A command as the first process of a session with a terminal of its own.
class AtTerminal {
 public:
  explicit AtTerminal(const Command& command) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const winsize size{.ws_row = 33, .ws_col = 111, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      execvp(words.front(), words.data());
      _exit(127);
    }
  }
  ~AtTerminal() {
    close(terminal_);
    if (!reaped_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  AtTerminal(const AtTerminal&) = delete;
  AtTerminal& operator=(const AtTerminal&) = delete;

  void type(const std::string& text) const {
    ASSERT_EQ(write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  /// Whether this appears on the screen after what was seen before.
  bool sees(const std::string& text) {
    return poll_until([&] {
      pollfd waiting{terminal_, POLLIN, 0};
      std::array<char, 4096> bytes;
      if (poll(&waiting, 1, 0) > 0) {
        const ssize_t got = read(terminal_, bytes.data(), bytes.size());
        if (got > 0) screen_.append(bytes.data(), static_cast<std::size_t>(got));
      }
      const std::size_t found = screen_.find(text);
      if (found != std::string::npos) screen_.erase(0, found + text.size());
      return found != std::string::npos;
    });
  }

  int status() {
    int status = 0;
    reaped_ = poll_until([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    return reaped_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  [[nodiscard]] const std::string& screen() const { return screen_; }

 private:
  int terminal_ = -1;
  pid_t pid_ = -1;
  bool reaped_ = false;
  std::string screen_;
};

Command run_command(const Command& options, const std::string& script) {
  Command words = pstuck_command({"run"});
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"--", "sh", "-c", script});
  return words;
}

class TerminalTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TerminalTest, CtrlCReachesTheCommand) {
  AtTerminal at(run_command(
      {GetParam(), "60s"}, "trap 'echo interrupted; exit 5' INT; echo ready; while :; do :; done"));
  ASSERT_TRUE(at.sees("ready")) << at.screen();
  at.type("\x03");
  EXPECT_TRUE(at.sees("interrupted")) << at.screen();
  EXPECT_EQ(at.status(), 5);
}

TEST_P(TerminalTest, TheCommandReadsFromIt) {
  AtTerminal at(run_command({GetParam(), "60s"},
                            "trap 'echo interrupted; exit 5' INT; read one; echo \"got $one\"; "
                            "while :; do :; done"));
  at.type("hello\n");
  EXPECT_TRUE(at.sees("got hello")) << at.screen();
  at.type("\x03");
  EXPECT_TRUE(at.sees("interrupted")) << "the command has the terminal now: " << at.screen();
  EXPECT_EQ(at.status(), 5);
}

TEST_P(TerminalTest, TheCommandFindsATerminal) {
  AtTerminal at(
      run_command({GetParam(), "60s"}, "test -t 0 && test -t 1 && test -t 2 && stty size"));
  EXPECT_TRUE(at.sees("33 111\r\n")) << at.screen();
  EXPECT_EQ(at.status(), 0);
}

TEST_P(TerminalTest, AStoppedJobGoesOn) {
  const std::string pstuck = PSTUCK_BINARY;
  for (const std::string before : {"", "read one; "}) {  // without the terminal, and with it
    AtTerminal at({"bash", "-c",
                   "set -m; " + pstuck + " run " + GetParam() + " 60s -- sh -c '" + before +
                       "echo ready; read more; echo \"got $more\"; exit 5'; "
                       "echo stopped $?; fg; echo status $?"});
    at.type(before.empty() ? "" : "one\n");
    ASSERT_TRUE(at.sees("ready")) << at.screen();
    at.type("\x1a");
    ASSERT_TRUE(at.sees("stopped 148")) << at.screen();
    at.type("two\n");
    EXPECT_TRUE(at.sees("got two")) << at.screen();
    EXPECT_TRUE(at.sees("status 5")) << at.screen();
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, TerminalTest, ::testing::Values("--timeout", "--quiet"),
                         [](const auto& limit) { return limit.param.substr(2); });

}  // namespace
}  // namespace pstuck::testing
