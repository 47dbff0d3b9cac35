// Every sample's saved snapshot, looked at where there is none of its files: the report must agree
// with what the sample said about itself, as the live one does.

#include <gtest/gtest.h>

#include "tests/integration/elsewhere.h"
#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

/// Saves a snapshot there and gives pstuck's report on it.
json save_and_report(const std::string& target, const Elsewhere& elsewhere,
                     const Command& options = {}) {
  Command command = pstuck_command({"capture", "-o", elsewhere.path("hang.pstuck"), target});
  command.insert(command.end(), options.begin(), options.end());
  const Outcome saved = run(command);
  EXPECT_EQ(saved.status, 0) << saved.err;
  const Outcome outcome = elsewhere.run_pstuck({"--format", "json", "/hang.pstuck"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  json report = json::parse(outcome.out, nullptr, false);
  EXPECT_FALSE(report.is_discarded()) << outcome.out << outcome.err;
  return report;
}

class SavedSample : public ::testing::TestWithParam<SampleCase> {
 protected:
  void SetUp() override {
    if (!elsewhere_.why_not().empty()) GTEST_SKIP() << elsewhere_.why_not();
    if (!sample_.skip_reason().empty()) GTEST_SKIP() << sample_.skip_reason();
  }

  Elsewhere elsewhere_;
  SampleRun sample_{GetParam()};
};

TEST_P(SavedSample, IsDiagnosedElsewhere) {
  const json report = save_and_report(sample_.target(), elsewhere_);
  ASSERT_EQ(report.at("targets").size(), 1U);
  expect_truth(report.at("targets").at(0), GetParam(), sample_.truth(), Source::kLive);
  expect_across(report, sample_.truth());
}

INSTANTIATE_TEST_SUITE_P(, SavedSample,
                         ::testing::ValuesIn(list_samples({"O2", "stripped", "static"})),
                         sample_name);

class RedactedSample : public SavedSample {};

TEST_P(RedactedSample, IsDiagnosedElsewhere) {
  const json report = save_and_report(sample_.target(), elsewhere_, {"--redact"});
  ASSERT_EQ(report.at("targets").size(), 1U);
  EXPECT_EQ(report.at("targets").at(0).at("saved").at("redacted"), true);
  expect_truth(report.at("targets").at(0), GetParam(), sample_.truth(), Source::kLive);
  expect_across(report, sample_.truth());
}

INSTANTIATE_TEST_SUITE_P(, RedactedSample, ::testing::ValuesIn(list_samples({"O2"})), sample_name);

/// A snapshot at `path` of a program's hang, without its symbols, which is run beside it.
void save_stripped(const std::string& program, const std::string& path) {
  const std::string own = path + "-program";
  ASSERT_EQ(run({"strip", "-o", own, program}).status, 0);
  Subprocess stripped({own});
  while (stripped.read_line() != "ready") continue;
  ASSERT_TRUE(poll_until([&] {
    run(pstuck_command({"capture", "-o", path, std::to_string(stripped.pid())}));
    return run(pstuck_command({"--exit-code", path})).status == 1;
  }));
}

// What a stripped program cannot tell a file with the same build ID can.
TEST(SavedSnapshot, IsNamedAnewWithTheFileThatHasTheNames) {
  const auto directory = make_test_directory();
  const std::string path = directory / "hang";
  const std::string named = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";
  const std::string other = std::string(PSTUCK_SAMPLES) + "/O2/self_deadlock";
  save_stripped(named, path);
  EXPECT_EQ(run(pstuck_command({path})).out.find("g_cache.mu_"), std::string::npos);
  const Outcome better = run(pstuck_command({"--exe", named, path}));
  EXPECT_NE(better.out.find("holds g_router.mu_  taken in Router::dispatch"), std::string::npos)
      << better.out << better.err;
  const Outcome same = run(pstuck_command({"--exe", other, path}));
  EXPECT_EQ(same.out, run(pstuck_command({path})).out) << same.err;
  std::filesystem::remove_all(directory);
}

/// Serves files as debuginfod does, from DIRECTORY/buildid/ID/debuginfo.
constexpr const char* kServer = R"(
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
)";

TEST(SavedSnapshot, IsNamedAnewByAServerOfDebugFiles) {
  const auto directory = make_test_directory();
  const std::string path = directory / "hang";
  const std::string named = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";
  save_stripped(named, path);
  const std::string notes = run({"readelf", "-n", named}).out;
  const std::string mark = "Build ID: ";
  ASSERT_NE(notes.find(mark), std::string::npos) << notes;
  const std::string build_id = notes.substr(notes.find(mark) + mark.size(), 40);
  const auto served = directory / "buildid" / build_id;
  std::filesystem::create_directories(served);
  std::filesystem::copy_file(named, served / "debuginfo");
  Subprocess server({"python3", "-c", kServer, directory.string()});
  const std::string url = "http://127.0.0.1:" + server.read_line();
  const Outcome better =
      run({"env", "DEBUGINFOD_URLS=" + url,
           "DEBUGINFOD_CACHE_PATH=" + (directory / "cache").string(), PSTUCK_BINARY, path});
  EXPECT_NE(better.out.find("holds g_router.mu_  taken in Router::dispatch"), std::string::npos)
      << better.out << better.err;
  std::filesystem::remove_all(directory);
}

class SavedCore : public SavedSample {};

TEST_P(SavedCore, IsDiagnosedElsewhere) {
  const GCore core(sample_.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const json report = save_and_report(core.path, elsewhere_);
  ASSERT_EQ(report.at("targets").size(), 1U);
  expect_truth(report.at("targets").at(0), GetParam(), sample_.truth(), Source::kCore);
}

/// Those that need no argument: a core holds the same for all of them.
std::vector<SampleCase> list_plain_samples() {
  std::vector<SampleCase> samples = list_samples({"O2"});
  std::erase_if(samples, [](const SampleCase& sample) { return !sample.argument.empty(); });
  return samples;
}

INSTANTIATE_TEST_SUITE_P(, SavedCore, ::testing::ValuesIn(list_plain_samples()), sample_name);

}  // namespace
}  // namespace pstuck::testing
