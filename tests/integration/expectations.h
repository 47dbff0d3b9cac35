#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {

enum class Source { kLive, kCore };

/// Holds one target of pstuck's JSON report against what the sample said about itself; every
/// difference is a failure of the running test.
void expect_truth(const nlohmann::json& target, const SampleCase& sample, const Truth& truth,
                  Source source);

/// The same for what threads wait for that sleep in the kernel.
void expect_kernel_waits(const nlohmann::json& target, const Truth& truth, Source source);

/// The same of a whole report, for the deadlocks over several processes.
void expect_across(const nlohmann::json& report, const Truth& truth);

/// Runs pstuck for a JSON report; null with a failure when there is none.
nlohmann::json report_on(const Command& targets);

/// The JSON report that a command wrote; null with a failure when there is none.
nlohmann::json parse_report(const Outcome& outcome);

/// The one target of a report on it.
nlohmann::json diagnose(const std::string& target, const Command& options = {});

/// What the test of a sample is called.
std::string sample_name(const ::testing::TestParamInfo<SampleCase>& info);

/// The findings' kinds and evidence, sorted.
std::vector<TrueFinding> find_findings(const nlohmann::json& target);

}  // namespace pstuck::testing
