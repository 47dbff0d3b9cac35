// A core from another machine, looked at where none of its files is at its place: they are found by
// --sysroot and by --debug-dir, and what is not found is said.

#include <gtest/gtest.h>

#include "tests/integration/elsewhere.h"
#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

const SampleCase kSample{"router_and_cache", "", "O2"};

class CoreElsewhere : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!elsewhere_.why_not().empty()) GTEST_SKIP() << elsewhere_.why_not();
    if (core_.path.empty()) GTEST_SKIP() << core_.why_not;
    fs::copy_file(core_.path, elsewhere_.path("core"));
    fs::create_directories(elsewhere_.path("var/tmp"));
  }

  /// The program and the libraries that its maps name.
  [[nodiscard]] std::vector<std::string> list_files() const {
    const std::string list = "grep -o '/[^ ]*$' /proc/" + sample_.target() + "/maps | sort -u";
    std::istringstream lines(run({"bash", "-c", list}).out);
    std::vector<std::string> files;
    for (std::string line; std::getline(lines, line);) files.push_back(line);
    return files;
  }

  void copy(const std::string& file, const std::string& to) const {
    const fs::path path = elsewhere_.path(to);
    fs::create_directories(path.parent_path());
    fs::copy_file(file, path, fs::copy_options::overwrite_existing);
  }

  [[nodiscard]] nlohmann::json look(const Command& options) const {
    Command words = {"--format", "json"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("/core");
    const auto report = parse_report(elsewhere_.run_pstuck(words));
    return report.is_null() ? report : report.at("targets").at(0);
  }

  static std::size_t count_missing(const nlohmann::json& target) {
    std::size_t count = 0;
    for (const auto& spot : target.at("blind_spots")) {
      count += spot.at("kind") == "module_file_missing" ? 1 : 0;
    }
    return count;
  }

  Elsewhere elsewhere_;
  SampleRun sample_{kSample};
  GCore core_{sample_.truth().pid};
};

TEST_F(CoreElsewhere, SaysWhichFilesAreMissing) {
  const auto target = look({});
  ASSERT_FALSE(target.is_null());
  EXPECT_EQ(count_missing(target), list_files().size());
}

TEST_F(CoreElsewhere, IsDiagnosedWithASysroot) {
  for (const std::string& file : list_files()) copy(file, "root" + file);
  const auto target = look({"--sysroot", "/root"});
  ASSERT_FALSE(target.is_null());
  EXPECT_EQ(count_missing(target), 0U);
  expect_truth(target, kSample, sample_.truth(), Source::kCore);
}

TEST_F(CoreElsewhere, IsDiagnosedWithFilesFoundByBuildId) {
  for (const std::string& file : list_files()) {
    const std::size_t number = static_cast<std::size_t>(std::hash<std::string>{}(file));
    copy(file, "files/" + std::to_string(number));
  }
  EXPECT_EQ(elsewhere_.run_pstuck({"--debug-dir", "/none", "/core"}).status, 2);
  const auto found = look({"--debug-dir", "/var", "--debug-dir", "/files"});
  ASSERT_FALSE(found.is_null());
  EXPECT_EQ(count_missing(found), 0U);
  expect_truth(found, kSample, sample_.truth(), Source::kCore);
}

TEST_F(CoreElsewhere, IsDiagnosedWithAProgramThatIsSplit) {
  const std::string program = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";
  for (const std::string& file : list_files()) {
    if (file != program) copy(file, "root" + file);
  }
  copy(program, "root" + program);
  const std::string stripped = elsewhere_.path("root" + program);
  ASSERT_EQ(run({"strip", stripped}).status, 0);
  fs::create_directories(elsewhere_.path("symbols"));
  ASSERT_EQ(
      run({"objcopy", "--only-keep-debug", program, elsewhere_.path("symbols/router.dbg")}).status,
      0);
  const auto target = look({"--sysroot", "/root", "--debug-dir", "/symbols"});
  ASSERT_FALSE(target.is_null());
  expect_truth(target, kSample, sample_.truth(), Source::kCore);
}

TEST_F(CoreElsewhere, IsFoundAmongTheKeptCores) {
  for (const std::string& file : list_files()) copy(file, "root" + file);
  const std::string directory = "/root/var/lib/systemd/coredump";
  const std::string kept =
      directory + "/core.router.0.0123456789abcdef0123456789abcdef.999999998.1700000000";
  copy(elsewhere_.path("core"), kept.substr(1));
  const Outcome outcome =
      elsewhere_.run_pstuck({"--format", "json", "--sysroot", "/root", "--core-of", "999999998"});
  const auto report = parse_report(outcome);
  ASSERT_FALSE(report.is_null());
  expect_truth(report.at("targets").at(0), kSample, sample_.truth(), Source::kCore);

  const Outcome gone = run(pstuck_command({"--sysroot", elsewhere_.path("root"), "999999998"}));
  EXPECT_EQ(gone.status, 2);
  EXPECT_NE(gone.err.find("pstuck " + elsewhere_.path(kept.substr(1))), std::string::npos)
      << gone.err;
  const Outcome none = elsewhere_.run_pstuck({"--core-of", "999999998"});
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.err.find("no core of process 999999998"), std::string::npos) << none.err;
}

TEST_F(CoreElsewhere, RefusesAnotherProgramInTheSysroot) {
  const std::string program = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";
  copy(std::string(PSTUCK_SAMPLES) + "/O2/two_cycles", "root" + program);
  const Outcome outcome = elsewhere_.run_pstuck({"--sysroot", "/root", "/core"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("has build ID"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--sysroot"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pstuck::testing
