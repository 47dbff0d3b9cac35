// What scripts rely on: exit statuses, formats, the schema, and reports without any debug symbols.

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ExitStatus, TellsAHangFromNoneWhenAsked) {
  const SampleRun deadlocked({"two_cycles", "", "O2"});
  EXPECT_EQ(run(pstuck_command({deadlocked.target()})).status, 0);
  EXPECT_EQ(run(pstuck_command({"--exit-code", deadlocked.target()})).status, 1);
  EXPECT_EQ(run(pstuck_command({"--exit-code", "--format", "json", deadlocked.target()})).status,
            1);
  const SampleRun idle({"idle_server", "", "O2"});
  EXPECT_EQ(run(pstuck_command({"--exit-code", idle.target()})).status, 0);
  EXPECT_EQ(run(pstuck_command({"--exit-code", idle.target(), deadlocked.target()})).status, 1);
}

TEST(Json, MatchesItsSchema) {
  if (run({"python3", "-c", "import jsonschema"}).status != 0) {
    GTEST_SKIP() << "python3-jsonschema is not installed";
  }
  const auto directory = make_test_directory();
  const auto report = directory / "report.json";
  const SampleRun deadlocked({"woken_waiter", "", "O2"});
  const SampleRun timed({"timed_lock_cycle", "try_lock_for", "stripped"});
  const SampleRun exited({"owner_exited", "", "O0"});
  const SampleRun joined({"join_cycle", "mutex", "static"});
  ASSERT_EQ(run(pstuck_command({"--format", "json", "-o", report, deadlocked.target(),
                                timed.target(), exited.target(), joined.target()}))
                .status,
            0);
  const std::string script =
      "import json, sys, jsonschema\n"
      "jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))\n";
  const std::string schema = std::string(PSTUCK_SOURCE_DIR) + "/cli/report.schema.json";
  const Outcome outcome = run({"python3", "-c", script, report, schema});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(read_file(report)).at("targets").size(), 4U);
  std::filesystem::remove_all(directory);
}

TEST(Postmortem, HasAllEightSections) {
  const SampleRun deadlocked({"router_and_cache", "", "O2"});
  const Outcome outcome = run(pstuck_command({"--format", "postmortem", deadlocked.target()}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::size_t last = 0;
  for (const char* section : {"Trigger", "Cycle", "Detection delay", "Diagnosis tools",
                              "Root cause", "Patch", "Preventive measure", "Tests"}) {
    const std::size_t at = outcome.out.find(std::string("# ") + section + "\n", last);
    ASSERT_NE(at, std::string::npos) << section << " is missing in:\n" << outcome.out;
    last = at;
  }
}

TEST(AllThreads, ShowsEveryThread) {
  const SampleRun sample({"pile_up_chain", "", "O2"});
  const Outcome outcome = run(pstuck_command({"-a", sample.target()}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const auto& [role, tid] : sample.truth().tids) {
    EXPECT_NE(outcome.out.find(std::to_string(tid)), std::string::npos) << role;
  }
}

TEST(Colour, OnlyWhenAskedOnAPipe) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  EXPECT_EQ(run(pstuck_command({sample.target()})).out.find('\x1b'), std::string::npos);
  const Outcome coloured = run(pstuck_command({"--color=always", sample.target()}));
  EXPECT_NE(coloured.out.find('\x1b'), std::string::npos) << coloured.err;
}

TEST(NoLines, LeavesOutFilesAndLines) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const auto target = diagnose(sample.target(), {"--no-lines"});
  ASSERT_FALSE(target.is_null());
  EXPECT_EQ(find_findings(target), std::vector<TrueFinding>({{"deadlock", "recorded"}}));
  EXPECT_EQ(target.dump().find("self_deadlock.cpp"), std::string::npos);
}

TEST(MaxFrames, CutsStacks) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const auto target = diagnose(sample.target(), {"--max-frames", "2", "--no-lines"});
  ASSERT_FALSE(target.is_null());
  for (const auto& thread : target.at("threads")) {
    EXPECT_LE(thread.at("stack").at("frames").size(), 2U);
  }
}

TEST(StackBytes, LessIsCompletedByLaterReads) {
  const SampleCase sample_case{"router_and_cache", "", "O2"};
  const SampleRun sample(sample_case);
  const auto target = diagnose(sample.target(), {"--stack-bytes", "256"});
  ASSERT_FALSE(target.is_null());
  expect_truth(target, sample_case, sample.truth(), Source::kLive);
}

// The shell that mounts an empty directory over the debug files, then becomes the sample; pstuck
// joins the sample's mount namespace, so that neither has libc's symbols.
class WithoutDebugFiles : public ::testing::TestWithParam<SampleCase> {};

TEST_P(WithoutDebugFiles, SaysTheSame) {
  const std::string hide =
      "mkdir -p /usr/lib/debug && mount -t tmpfs none /usr/lib/debug && exec \"$@\"";
  const Command wrapper = {"unshare", "--mount", "sh", "-c", hide, "sh"};
  Command probe = wrapper;
  probe.emplace_back("true");
  if (run(probe).status != 0) GTEST_SKIP() << "mount namespaces are not permitted here";
  const SampleRun sample(GetParam(), wrapper);
  if (!sample.skip_reason().empty()) GTEST_SKIP() << sample.skip_reason();
  const Outcome outcome = run({"nsenter", "--mount", "--target", sample.target(), PSTUCK_BINARY,
                               "--format", "json", sample.target()});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto report = nlohmann::json::parse(outcome.out);
  expect_truth(report.at("targets").at(0), GetParam(), sample.truth(), Source::kLive);
}

INSTANTIATE_TEST_SUITE_P(, WithoutDebugFiles, ::testing::ValuesIn(list_samples({"O2"})),
                         sample_name);

}  // namespace
}  // namespace pstuck::testing
