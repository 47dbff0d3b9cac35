// pstuck watch: silent until something hangs for a while.

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() : directory_(make_test_directory()) {}
  ~WatchTest() override { fs::remove_all(directory_); }

  static Command watch(const Command& options) {
    Command words = pstuck_command({"watch", "--every", "20ms"});
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  fs::path directory_;
};

TEST_F(WatchTest, TellsOfAHangThatStands) {
  SampleRun sample({.name = "router_and_cache"});
  const Outcome outcome =
      run(watch({"--for", "200ms", "--until-stuck", "--artifacts", path("%n"), "--exec",
                 "echo \"$PSTUCK_VERDICT\"; ls \"$PSTUCK_REPORT\" \"$PSTUCK_THREADS\" "
                 "\"$PSTUCK_JSON\" \"$PSTUCK_POSTMORTEM\" \"$PSTUCK_SNAPSHOT\"",
                 sample.target()}));
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find(" · hangs for 200 ms or longer\n\nDEADLOCK  router_and_cache (pid " +
                             sample.target()),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("\nDEADLOCK  router_and_cache (pid " + sample.target() +
                             "): 2 threads wait for each other"),
            std::string::npos);
  EXPECT_NE(outcome.out.find(path("router_and_cache/hang.pstuck")), std::string::npos)
      << outcome.out;
}

TEST_F(WatchTest, TellsAlsoWhereNoFileCanBeWritten) {
  SampleRun sample({.name = "self_deadlock"});
  std::ofstream(path("file")) << "no directory";
  const Outcome outcome = run(
      watch({"--for", "50ms", "--until-stuck", "--artifacts", path("file/x"), sample.target()}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.out.find("wants g_journal.mu_"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find(path("file/x")), std::string::npos) << outcome.err;
}

TEST_F(WatchTest, TellsOnce) {
  SampleRun sample({.name = "self_deadlock"});
  Subprocess watcher(watch(
      {"--for", "50ms", "--exec", "echo x >> " + path("told") + "; echo told", sample.target()}));
  while (watcher.read_line() != "told") continue;
  // It looks on, and says no more.
  const auto looks = [&] {
    std::ifstream file("/proc/" + std::to_string(watcher.pid()) + "/stat");
    std::string text;
    std::getline(file, text);
    return text;
  };
  for (int i = 0; i < 5; ++i) {
    const std::string before = looks();
    ASSERT_TRUE(poll_until([&] { return looks() != before; }));
  }
  kill(std::stoi(sample.target()), SIGKILL);
  EXPECT_EQ(watcher.finish().status, 0);
  std::ifstream told(path("told"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(told), {}), "x\n");
}

TEST_F(WatchTest, IsSilentAboutAHealthyProcess) {
  SampleRun sample({.name = "idle_server"});
  Subprocess watcher(watch({"--for", "1ms", sample.target()}));
  const auto time_used = [&] {
    std::ifstream file("/proc/" + std::to_string(watcher.pid()) + "/schedstat");
    long long nanoseconds = 0;
    file >> nanoseconds;
    return nanoseconds;
  };
  for (int i = 0; i < 3; ++i) {  // some looks
    const long long before = time_used();
    ASSERT_TRUE(poll_until([&] { return time_used() > before + 1'000'000; }));
  }
  kill(std::stoi(sample.target()), SIGKILL);
  const Outcome outcome = watcher.finish();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(WatchTest, RefusesWhatItCannotWatch) {
  EXPECT_EQ(run(watch({"core"})).status, 2);
  EXPECT_EQ(run(watch({})).status, 2);
  EXPECT_EQ(run(watch({"999999999"})).status, 2);
}

}  // namespace
}  // namespace pstuck::testing
