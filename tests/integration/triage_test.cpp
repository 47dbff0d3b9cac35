// Many artifacts of a few hangs.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::vector<SampleCase>& six_hangs() {
  static const std::vector<SampleCase> cases = {
      {"router_and_cache", ""}, {"dining_philosophers", ""}, {"self_deadlock", ""},
      {"lost_wake_up", ""},     {"order_book", ""},          {"owner_exited", ""}};
  return cases;
}

class TriageTest : public ::testing::Test {
 protected:
  ~TriageTest() override { fs::remove_all(directory_); }

  /// Alternately a snapshot, a report and a redacted snapshot.
  void write_artifacts(const SampleRun& sample, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = (directory_ / std::to_string(written_++)).string();
      const std::vector<Command> ways = {{"capture", "-o", path, sample.target()},
                                         {"--format", "json", "-o", path, sample.target()},
                                         {"capture", "--redact", "-o", path, sample.target()}};
      ASSERT_EQ(run(pstuck_command(ways[i % ways.size()])).status, 0);
    }
  }

  void write_file(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
  }

  [[nodiscard]] std::vector<json> triage() const {
    const Outcome outcome = run(pstuck_command({"triage", "--format", "jsonl", directory_}));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    std::vector<json> artifacts;
    for (std::string line; std::getline(lines, line);) artifacts.push_back(json::parse(line));
    return artifacts;
  }

  fs::path directory_ = make_test_directory();
  std::size_t written_ = 0;
};

TEST_F(TriageTest, FindsSixHangsInThreeHundredArtifacts) {
  constexpr std::size_t kRuns = 5;
  constexpr std::size_t kArtifacts = 10;
  for (const SampleCase& sample_case : six_hangs()) {
    for (std::size_t i = 0; i < kRuns; ++i) {
      const SampleRun sample(sample_case);
      ASSERT_EQ(sample.skip_reason(), "");
      write_artifacts(sample, kArtifacts);
    }
  }
  const std::vector<json> artifacts = triage();
  ASSERT_EQ(artifacts.size(), 300U);
  std::map<std::string, std::set<std::string>> programs;
  for (const json& artifact : artifacts) {
    EXPECT_EQ(artifact.at("error"), "");
    programs[artifact.at("signature")].insert(artifact.at("process"));
  }
  EXPECT_EQ(programs.size(), 6U);
  for (const auto& [signature, names] : programs) EXPECT_EQ(names.size(), 1U) << signature;
  const std::string text = run(pstuck_command({"triage", directory_})).out;
  EXPECT_TRUE(text.starts_with("6 different hangs in 300 artifacts\n")) << text;
  EXPECT_NE(text.find("    50 × deadlock"), std::string::npos) << text;
}

TEST_F(TriageTest, ACoreIsTheSameHangAsItsProcess) {
  const SampleRun sample({"router_and_cache", ""});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  write_artifacts(sample, 1);
  fs::copy_file(core.path, directory_ / "core");
  const std::vector<json> artifacts = triage();
  ASSERT_EQ(artifacts.size(), 2U);
  EXPECT_EQ(artifacts[0].at("signature"), artifacts[1].at("signature"));
  EXPECT_EQ(artifacts[1].at("kind"), "core");
}

TEST_F(TriageTest, SaysWhatItCouldNotRead) {
  const SampleRun sample({"self_deadlock", ""});
  write_artifacts(sample, 1);
  std::ifstream file(directory_ / "0", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  write_file("cut", bytes.substr(0, bytes.size() / 2));
  write_file("notes.txt", "no artifact");
  write_file("other.json", "{\"schema\": \"other\"}");
  write_file("cut.json", "{\"schema\": \"pstuck.report\", ");
  write_file("lacking.json", "{\"schema\": \"pstuck.report\"}");
  const Outcome outcome = run(pstuck_command({"triage", directory_}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("1 hang in 3 artifacts"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("2 could not be read:"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("its end is missing"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("3 files are no reports"), std::string::npos) << outcome.out;
}

TEST_F(TriageTest, NeedsArtifacts) {
  write_file("notes.txt", "no artifact");
  EXPECT_EQ(run(pstuck_command({"triage", directory_})).status, 2);
  EXPECT_EQ(run(pstuck_command({"triage", directory_ / "missing"})).status, 2);
  EXPECT_EQ(run(pstuck_command({"triage"})).status, 2);
}

}  // namespace
}  // namespace pstuck::testing
