// Cores of a process that has crashed while two of its threads were hung: both are told, of a core
// that the kernel wrote as of one that gdb wrote at the signal.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

const SampleCase kSample{"crash_beside_a_deadlock", "", "O2"};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

class Crash : public ::testing::Test {
 protected:
  Crash() : directory_(make_test_directory()) {}
  ~Crash() override { fs::remove_all(directory_); }

  /// The one file that the kernel left there.
  [[nodiscard]] std::string find_core() const {
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().filename().string().starts_with("core")) return entry.path().string();
    }
    return {};
  }

  static void expect_both(const std::string& core, const Truth& truth) {
    const auto target = diagnose(core);
    ASSERT_FALSE(target.is_null());
    expect_truth(target, kSample, truth, Source::kCore);
    const auto& crash = target.at("core").at("crash");
    EXPECT_EQ(target.at("core").at("signal"), SIGSEGV);
    EXPECT_EQ(crash.at("tid"), truth.tids.at("reader"));
    EXPECT_EQ(crash.at("signal_name"), "SIGSEGV");
    EXPECT_EQ(crash.at("cause"), "fault");
    EXPECT_EQ(crash.at("address"), "0x0");
    for (const auto& thread : target.at("threads")) {
      const bool crashed = thread.at("tid") == truth.tids.at("reader");
      EXPECT_EQ(thread.at("activity") == "crashed", crashed) << thread;
    }
    const Outcome text = run(pstuck_command({core}));
    const std::string sentence = " by SIGSEGV at address 0x0 (not mapped)";
    EXPECT_NE(text.out.find("CRASHED  "), std::string::npos) << text.out;
    EXPECT_NE(text.out.find(sentence), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("follow_order()"), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("2 threads wait for each other"), std::string::npos) << text.out;
  }

  fs::path directory_;
};

TEST_F(Crash, IsToldFromACoreOfTheKernel) {
  if (first_line("/proc/sys/kernel/core_pattern") != "core") {
    GTEST_SKIP() << "the kernel writes its cores elsewhere";
  }
  const std::string start = "cd " + directory_.string() + " && ulimit -c unlimited && exec \"$0\"";
  SampleRun sample(kSample, {"bash", "-c", start});
  sample.process().write_line("crash");
  const Outcome outcome = sample.process().finish();
  ASSERT_EQ(outcome.signal, SIGSEGV);
  const std::string core = find_core();
  if (core.empty()) GTEST_SKIP() << "the kernel wrote no core";
  expect_both(core, sample.truth());
}

TEST_F(Crash, IsToldFromACoreOfGdb) {
  SampleRun sample(kSample);
  const std::string core = (directory_ / "core.gdb").string();
  Subprocess gdb({"gdb", "-q", "-batch", "-p", sample.target(), "-ex", "echo attached\\n", "-ex",
                  "continue", "-ex", "generate-core-file " + core, "-ex", "kill"});
  std::string line;
  do {
    line = gdb.read_line();
  } while (!line.empty() && line != "attached");
  if (line.empty()) GTEST_SKIP() << "gdb did not attach";
  sample.process().write_line("crash");
  const Outcome outcome = gdb.finish();
  ASSERT_TRUE(fs::exists(core)) << outcome.out << outcome.err;
  expect_both(core, sample.truth());
}

// Whoever gets a signal from outside was doing something else: it is still told what.
TEST_F(Crash, IsNoneWhereTheSignalCameFromOutside) {
  if (first_line("/proc/sys/kernel/core_pattern") != "core") {
    GTEST_SKIP() << "the kernel writes its cores elsewhere";
  }
  const std::string start = "cd " + directory_.string() + " && ulimit -c unlimited && exec \"$0\"";
  SampleRun sample(kSample, {"bash", "-c", start});
  kill(sample.truth().pid, SIGABRT);
  sample.process().finish();
  const std::string core = find_core();
  if (core.empty()) GTEST_SKIP() << "the kernel wrote no core";
  const auto target = diagnose(core);
  ASSERT_FALSE(target.is_null());
  expect_truth(target, kSample, sample.truth(), Source::kCore);
  const auto& crash = target.at("core").at("crash");
  EXPECT_EQ(crash.at("cause"), "sent");
  EXPECT_EQ(crash.at("sender_pid"), getpid());
  EXPECT_EQ(crash.at("signal_name"), "SIGABRT");
  for (const auto& thread : target.at("threads")) EXPECT_NE(thread.at("activity"), "crashed");
}

}  // namespace
}  // namespace pstuck::testing
