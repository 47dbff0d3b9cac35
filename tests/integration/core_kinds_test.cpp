// One hang in every kind of core: the report is the same whichever way the core's bytes come.

#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

/// How a core is handed to pstuck: `prepare` makes CORE.out of CORE, `look` is run for the report.
struct CoreKind {
  std::string name;
  std::string prepare;  ///< a shell command; $CORE is the core; empty: nothing to do
  std::string look;     ///< the same; $PSTUCK is pstuck with its options
};

void PrintTo(const CoreKind& kind, std::ostream* out) { *out << kind.name; }

const std::vector<CoreKind>& core_kinds() {
  static const std::vector<CoreKind> kinds = {
      {"zstd", "zstd -q -1 $CORE -o $CORE.out", "$PSTUCK $CORE.out"},
      {"gzip", "gzip -1 -c $CORE > $CORE.out", "$PSTUCK $CORE.out"},
      {"xz", "xz -0 -c $CORE > $CORE.out", "$PSTUCK $CORE.out"},
      {"lz4", "lz4 -q $CORE $CORE.out", "$PSTUCK $CORE.out"},
      {"input", "", "$PSTUCK - < $CORE"},
      {"pipe", "", "cat $CORE | $PSTUCK -"},
      {"packed_input", "zstd -q -1 $CORE -o $CORE.out", "$PSTUCK - < $CORE.out"},
      {"packed_pipe", "gzip -1 -c $CORE > $CORE.out", "cat $CORE.out | $PSTUCK -"},
      {"rest_of_input", "(printf junk; cat $CORE) > $CORE.out",
       "(head -c 4 > /dev/null; $PSTUCK -) < $CORE.out"},
      {"named_pipe", "", "$PSTUCK <(cat $CORE)"},
  };
  return kinds;
}

class KindOfCore : public ::testing::TestWithParam<CoreKind> {};

TEST_P(KindOfCore, IsDiagnosed) {
  const SampleCase sample_case{"router_and_cache", "", "O2"};
  const SampleRun sample(sample_case);
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const std::string names =
      "set -e; CORE=" + core.path + "; PSTUCK='" + PSTUCK_BINARY + " --format json'; ";
  const Outcome prepared = run({"bash", "-c", names + GetParam().prepare});
  if (prepared.status == 127) GTEST_SKIP() << prepared.err;
  ASSERT_EQ(prepared.status, 0) << prepared.err;
  const auto report = parse_report(run({"bash", "-c", names + GetParam().look}));
  ASSERT_FALSE(report.is_null());
  const auto& target = report.at("targets").at(0);
  expect_truth(target, sample_case, sample.truth(), Source::kCore);
  EXPECT_EQ(target.at("core").at("missing_bytes"), 0);
}

INSTANTIATE_TEST_SUITE_P(, KindOfCore, ::testing::ValuesIn(core_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace pstuck::testing
