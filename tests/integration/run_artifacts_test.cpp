// What pstuck run leaves behind of a hang: files, annotations, JUnit's XML.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ArtifactsTest : public ::testing::Test {
 protected:
  ArtifactsTest() : directory_(make_test_directory()) {}
  ~ArtifactsTest() override { fs::remove_all(directory_); }

  /// With a time limit that the command passes.
  Outcome run_late(const Command& options, const Command& command,
                   const Command& environment = {}) const {
    Command words{"env", "PSTUCK_TEST_SECRET=hunter2", "GITHUB_ACTIONS="};
    words.insert(words.end(), environment.begin(), environment.end());
    words.insert(words.end(), {PSTUCK_BINARY, "run", "--timeout", "2s"});
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 124) << outcome.err;
    return outcome;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path directory_;
};

const std::string kSample = std::string(PSTUCK_SAMPLES) + "/O2/self_deadlock";

/// What python's XML parser makes of it: failures, type and message.
std::string parse_junit(const std::string& file) {
  return run({"python3", "-c",
              "import sys, xml.etree.ElementTree as t\n"
              "suite = t.parse(sys.argv[1]).getroot().find('testsuite')\n"
              "case = suite.find('testcase')\n"
              "failure = case.find('failure')\n"
              "print(suite.get('failures'), case.get('name'), sep='|')\n"
              "if failure is not None:\n"
              "  print(failure.get('type'), failure.get('message'), failure.text, sep='|')",
              file})
      .out;
}

bool has_python() { return run({"python3", "-c", ""}).status == 0; }

TEST_F(ArtifactsTest, AreWrittenInEveryFormat) {
  const Outcome outcome = run_late({"--artifacts", path("a/%n")}, {kSample});
  EXPECT_NE(outcome.err.find("command.txt, report.txt"), std::string::npos) << outcome.err;
  const std::string in = "a/self_deadlock/";
  EXPECT_EQ(read(in + "command.txt").find(kSample + "\ndid not end within 2 s\n"), 0U);
  EXPECT_NE(read(in + "report.txt").find("DEADLOCK  self_deadlock"), std::string::npos);
  EXPECT_NE(read(in + "threads.txt").find("Journal::flush"), std::string::npos);
  EXPECT_NE(read(in + "postmortem.md").find("# Postmortem: `self_deadlock"), std::string::npos);
  const json report = json::parse(read(in + "report.json"));
  EXPECT_EQ(report.at("targets").at(0).at("findings").at(0).at("kind"), "deadlock");
  const Outcome replayed = run(pstuck_command({"--exit-code", path(in + "hang.pstuck")}));
  EXPECT_EQ(replayed.status, 1) << replayed.err;
  EXPECT_NE(replayed.out.find("DEADLOCK  self_deadlock"), std::string::npos) << replayed.out;
  for (const char* const name : {"command.txt", "report.txt", "report.json", "threads.txt"}) {
    EXPECT_EQ(read(in + name).find("hunter2"), std::string::npos) << name;
  }
}

TEST_F(ArtifactsTest, ADirectoryThatCannotBeMadeIsNoReasonToLetThemLive) {
  const Outcome outcome = run_late({"--artifacts", "/dev/null/a"}, {kSample});
  EXPECT_NE(outcome.err.find("cannot make the directory /dev/null/a"), std::string::npos);
  EXPECT_NE(outcome.err.find("DEADLOCK  self_deadlock"), std::string::npos) << outcome.err;
}

TEST_F(ArtifactsTest, CoresHaveALimit) {
  if (run({"gcore"}).status == 127) GTEST_SKIP() << "gcore is not installed";
  run_late({"--artifacts", path("all"), "--cores", "256M"}, {"sleep", "300"});
  const auto files_in = [&](const std::string& name, const std::string& prefix) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(directory_ / name)) {
      if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
    }
    return files;
  };
  ASSERT_EQ(files_in("all", "core.").size(), 1U);
  EXPECT_EQ(run(pstuck_command({files_in("all", "core.").front()})).status, 0);
  const Outcome outcome =
      run_late({"--artifacts", path("few"), "--cores", "64K"}, {"sleep", "300"});
  EXPECT_NE(outcome.err.find("no core of sleep (pid "), std::string::npos) << outcome.err;
  EXPECT_TRUE(files_in("few", "core.").empty());
  EXPECT_TRUE(files_in("few", "unfinished").empty());
}

TEST_F(ArtifactsTest, GitHubGetsAnAnnotation) {
  const Outcome outcome = run_late({}, {kSample}, {"GITHUB_ACTIONS=true"});
  const std::size_t at = outcome.err.find("\n::error file=");
  ASSERT_NE(at, std::string::npos) << outcome.err;
  const std::string line = outcome.err.substr(at + 1, outcome.err.find('\n', at + 1) - at - 1);
  EXPECT_NE(line.find("/samples/self_deadlock.cpp,line="), std::string::npos) << line;
  EXPECT_NE(line.find(",title=DEADLOCK::self_deadlock (pid "), std::string::npos) << line;
  EXPECT_NE(line.find("%0A  flusher ("), std::string::npos) << line;
  EXPECT_EQ(run_late({}, {kSample}).err.find("::error"), std::string::npos);
}

TEST_F(ArtifactsTest, TheFindingIsTheFailureOfATest) {
  if (!has_python()) GTEST_SKIP() << "python3 is not installed";
  run_late({"--junit", path("new/%n.xml")}, {kSample});
  const std::string parsed = parse_junit(path("new/self_deadlock.xml"));
  EXPECT_EQ(parsed.find("1|" + kSample + "\nDEADLOCK|self_deadlock (pid "), 0U) << parsed;
  EXPECT_NE(parsed.find("← took g_journal.mu_"), std::string::npos) << parsed;
}

TEST_F(ArtifactsTest, ALookThatIsCutShortIsAFailureToo) {
  if (!has_python()) GTEST_SKIP() << "python3 is not installed";
  run_late({"--junit", path("late.xml"), "--budget", "1ms"}, {kSample});
  EXPECT_EQ(parse_junit(path("late.xml")).find("1|" + kSample + "\nTIMEOUT|did not end within 2 s"),
            0U);
}

TEST_F(ArtifactsTest, WithoutAHangTheTestEndsAsTheCommandDoes) {
  if (!has_python()) GTEST_SKIP() << "python3 is not installed";
  const auto parsed = [&](const Command& command) {
    Command words = pstuck_command({"run", "--timeout", "60s", "--junit", path("end.xml"), "--"});
    words.insert(words.end(), command.begin(), command.end());
    run(words);
    return parse_junit(path("end.xml"));
  };
  EXPECT_EQ(parsed({"true"}), "0|true\n");
  EXPECT_EQ(parsed({"sh", "-c", "exit 3 # <&>\"\x01"}),
            "1|sh -c 'exit 3 # <&>\"\\x01'\n"
            "FAILURE|ended with status 3|sh -c 'exit 3 # <&>\"\\x01' ended with status 3\n");
  EXPECT_NE(parsed({"sh", "-c", "kill -9 $$"}).find("FAILURE|was ended by SIGKILL"),
            std::string::npos);
}

}  // namespace
}  // namespace pstuck::testing
