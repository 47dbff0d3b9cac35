// Every sample, built in every way, looked at alive and as a core: pstuck's report must agree with
// what the sample said about itself.

#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

class LiveSample : public ::testing::TestWithParam<SampleCase> {};

TEST_P(LiveSample, IsDiagnosed) {
  const SampleRun sample(GetParam());
  if (!sample.skip_reason().empty()) GTEST_SKIP() << sample.skip_reason();
  const auto report = report_on({sample.target()});
  ASSERT_FALSE(report.is_null());
  ASSERT_EQ(report.at("targets").size(), 1U);
  expect_truth(report.at("targets").at(0), GetParam(), sample.truth(), Source::kLive);
  expect_across(report, sample.truth());
}

INSTANTIATE_TEST_SUITE_P(
    , LiveSample, ::testing::ValuesIn(list_samples({"O0", "O2", "stripped", "static", "shared"})),
    sample_name);

class CoreOfSample : public ::testing::TestWithParam<SampleCase> {};

TEST_P(CoreOfSample, IsDiagnosed) {
  const SampleRun sample(GetParam());
  if (!sample.skip_reason().empty()) GTEST_SKIP() << sample.skip_reason();
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const auto target = diagnose(core.path);
  ASSERT_FALSE(target.is_null());
  expect_truth(target, GetParam(), sample.truth(), Source::kCore);
}

INSTANTIATE_TEST_SUITE_P(, CoreOfSample,
                         ::testing::ValuesIn(list_samples({"O0", "O2", "stripped", "shared"})),
                         sample_name);

/// The sentences that the sample's opening comment promises: one of them for each argument.
std::vector<std::string> promised_sentences(const SampleCase& sample) {
  std::ifstream source(std::string(PSTUCK_SOURCE_DIR) + "/samples/" + sample.name + "." +
                       sample.extension);
  const std::string mark = "// pstuck: ";
  std::vector<std::string> sentences;
  for (std::string line; std::getline(source, line);) {
    if (line.starts_with(mark)) sentences.push_back(line.substr(mark.size()));
  }
  return sentences;
}

class SampleComment : public ::testing::TestWithParam<SampleCase> {};

TEST_P(SampleComment, SaysWhatThePersonReads) {
  const SampleRun sample(GetParam());
  if (!sample.skip_reason().empty()) GTEST_SKIP() << sample.skip_reason();
  const Outcome outcome = run(pstuck_command({sample.target()}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto sentences = promised_sentences(GetParam());
  ASSERT_FALSE(sentences.empty()) << "the opening comment has no line \"pstuck: …\"";
  const bool found = std::any_of(sentences.begin(), sentences.end(), [&](const auto& sentence) {
    return outcome.out.find(sentence) != std::string::npos;
  });
  EXPECT_TRUE(found) << outcome.out;
}

INSTANTIATE_TEST_SUITE_P(, SampleComment, ::testing::ValuesIn(list_samples({"O2"})), sample_name);

}  // namespace
}  // namespace pstuck::testing
