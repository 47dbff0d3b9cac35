// False alarms are the worst failure: five hundred threads that take and give back every primitive
// are looked at again and again, and nothing is ever found. tests/bench/soak.sh looks for longer.

#include <gtest/gtest.h>

#include <sstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

long count_rounds(SampleRun& crowd) {
  crowd.process().write_line("?");
  std::istringstream words(crowd.process().read_line());
  std::string fact;
  long rounds = 0;
  words >> fact >> rounds;
  EXPECT_EQ(fact, "rounds");
  return rounds;
}

TEST(HealthyCrowd, NothingIsEverFound) {
  SampleRun crowd({"healthy_crowd", "", "O2"});
  ASSERT_TRUE(poll_until([&] { return count_rounds(crowd) > 50; }));
  for (int look = 0; look < 10; ++look) {
    const long before = count_rounds(crowd);
    const auto target = diagnose(crowd.target());
    ASSERT_FALSE(target.is_null());
    EXPECT_EQ(target.at("findings").dump(), "[]");
    EXPECT_TRUE(poll_until([&] { return count_rounds(crowd) > before; })) << "the crowd hangs";
  }
}

TEST(HealthyProcesses, NothingIsEverFound) {
  const SampleRun work({"processes_at_work", "", "O2"});
  for (int look = 0; look < 20; ++look) {
    const auto report = report_on({"--tree", work.target()});
    ASSERT_FALSE(report.is_null());
    EXPECT_EQ(report.at("targets").size(), 4U);
    EXPECT_EQ(report.at("across").at("deadlocks").dump(), "[]");
    for (const auto& target : report.at("targets")) {
      EXPECT_EQ(target.at("findings").dump(), "[]");
    }
  }
}

}  // namespace
}  // namespace pstuck::testing
