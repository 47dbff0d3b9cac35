#include "tests/integration/expectations.h"

#include <algorithm>
#include <map>

#include "tests/integration/report_expectations.h"

namespace pstuck::testing {

using nlohmann::json;

void expect_truth(const json& target, const SampleCase& sample, const Truth& truth, Source source) {
  EXPECT_EQ(target.at("kind"), source == Source::kLive ? "live" : "core");
  EXPECT_EQ(target.at("process").at("pid"), truth.pid);
  if (!truth.healthy) {
    EXPECT_EQ(target.at("moved"), 0) << "findings were dropped though nobody moved";
  }
  expect_kernel_waits(target, truth, source);
  Expectations(target, sample, truth, source).expect_all();
}

json report_on(const Command& targets) {
  Command command = pstuck_command({"--format", "json"});
  command.insert(command.end(), targets.begin(), targets.end());
  return parse_report(run(command));
}

json parse_report(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  json report = json::parse(outcome.out, nullptr, false);
  if (report.is_discarded()) {
    ADD_FAILURE() << "not JSON: " << outcome.out << outcome.err;
    return nullptr;
  }
  EXPECT_EQ(report.at("schema"), "pstuck.report");
  EXPECT_EQ(report.at("schema_version"), 1);
  return report;
}

json diagnose(const std::string& target, const Command& options) {
  Command command = options;
  command.push_back(target);
  const json report = report_on(command);
  if (report.is_null()) return nullptr;
  EXPECT_EQ(report.at("targets").size(), 1U);
  return report.at("targets").at(0);
}

void expect_across(const json& report, const Truth& truth) {
  const json& deadlocks = report.at("across").at("deadlocks");
  if (!truth.healthy) {
    EXPECT_EQ(report.at("across").at("moved"), 0);
  }
  ASSERT_EQ(deadlocks.size(), truth.across.size()) << report.at("across");
  for (std::size_t i = 0; i < deadlocks.size(); ++i) {
    std::map<int, int> told;
    std::map<int, int> expected;
    for (const json& member : deadlocks[i].at("members")) {
      told[member.at("tid")] = member.at("waits_for").at("tid");
    }
    const auto& roles = truth.across[i];
    for (std::size_t k = 0; k < roles.size(); ++k) {
      expected[truth.tids.at(roles[k])] = truth.tids.at(roles[(k + 1) % roles.size()]);
    }
    EXPECT_EQ(told, expected) << deadlocks[i];
    EXPECT_EQ(deadlocks[i].at("evidence"), truth.likely ? "inferred" : "recorded");
    EXPECT_EQ(deadlocks[i].at("confirmation").at("looked_again"), true);
    EXPECT_EQ(deadlocks[i].at("ring"), true);
  }
}

std::string sample_name(const ::testing::TestParamInfo<SampleCase>& info) {
  const SampleCase& sample = info.param;
  return sample.name + (sample.argument.empty() ? "" : "_" + sample.argument) + "_" +
         sample.variant;
}

std::vector<TrueFinding> find_findings(const json& target) {
  std::vector<TrueFinding> findings;
  for (const json& finding : target.at("findings")) {
    findings.push_back({finding.at("kind"), finding.at("evidence")});
  }
  std::sort(findings.begin(), findings.end());
  return findings;
}

}  // namespace pstuck::testing
