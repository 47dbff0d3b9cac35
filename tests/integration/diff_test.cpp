// Two looks at one process, live and saved.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

class DiffTest : public ::testing::Test {
 protected:
  ~DiffTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string save(const SampleRun& sample, const std::string& name) const {
    const std::string path = (directory_ / name).string();
    EXPECT_EQ(run(pstuck_command({"capture", "-o", path, sample.target()})).status, 0);
    return path;
  }

  std::filesystem::path directory_ = make_test_directory();
};

TEST_F(DiffTest, SaysThatADeadlockDoesNotMove) {
  const SampleRun sample({"router_and_cache", ""});
  const std::string then = save(sample, "then");
  const std::string now = save(sample, "now");
  for (const std::string& after : {sample.target(), now}) {
    const Outcome outcome = run(pstuck_command({"diff", then, after}));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("11 of 11 threads did not move"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.out.find("\nMOVED"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("g_cache.mu_  held by evictor"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("both times"), std::string::npos) << outcome.out;
  }
}

TEST_F(DiffTest, SaysWhoRuns) {
  const SampleRun sample({"busy_pool", ""});
  const std::string then = save(sample, "then");
  std::string text;
  EXPECT_TRUE(poll_until([&] {
    text = run(pstuck_command({"diff", then, sample.target()})).out;
    return text.find("\nMOVED") != std::string::npos;
  })) << text;
  EXPECT_EQ(text.find("17 of 17 threads did not move"), std::string::npos) << text;
}

TEST_F(DiffTest, RefusesDifferentProcesses) {
  const SampleRun sample({"self_deadlock", ""});
  const std::string then = save(sample, "then");
  const SampleRun other({"self_deadlock", ""});
  const Outcome outcome = run(pstuck_command({"diff", then, other.target()}));
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("are not of the same process"), std::string::npos) << outcome.err;
  EXPECT_EQ(run(pstuck_command({"diff", then})).status, 2);
}

}  // namespace
}  // namespace pstuck::testing
