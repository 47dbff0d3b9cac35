// When a finding has stood for long enough.

#include "cli/run/standing_hangs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/reports.h"

namespace pstuck {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Reports reports_of(Report report, std::optional<std::chrono::nanoseconds> since = {}) {
  for (Finding& finding : report.diagnosis.findings) finding.since = since;
  Reports reports;
  reports.targets.push_back(std::move(report));
  return reports;
}

const StandingHangs::Clock::time_point kStart{std::chrono::hours(1)};

TEST(StandingHangs, AreToldWhenTheyHaveStoodForLongEnough) {
  const Reports reports = reports_of(golden::two_lock_deadlock());
  StandingHangs standing(minutes(2));
  EXPECT_FALSE(standing.take(reports, kStart));
  EXPECT_FALSE(standing.take(reports, kStart + seconds(119)));
  EXPECT_TRUE(standing.take(reports, kStart + seconds(120)));
  EXPECT_TRUE(standing.take(reports, kStart + seconds(150))) << "nobody was told";
  standing.set_told();
  EXPECT_FALSE(standing.take(reports, kStart + seconds(180)));
}

TEST(StandingHangs, TheirThreadsTellForHowLong) {
  StandingHangs standing(minutes(2));
  EXPECT_FALSE(standing.take(reports_of(golden::self_deadlock(), minutes(1)), kStart));
  EXPECT_TRUE(standing.take(reports_of(golden::self_deadlock(), {}), kStart + minutes(1)))
      << "a look resets that clock";
  StandingHangs other(minutes(2));
  EXPECT_TRUE(other.take(reports_of(golden::self_deadlock(), minutes(2)), kStart));
}

TEST(StandingHangs, OneThatGoesAwayBeginsAnew) {
  const Reports hangs = reports_of(golden::owner_exited());
  const Reports calm = reports_of(golden::healthy());
  StandingHangs standing(minutes(2));
  EXPECT_FALSE(standing.take(hangs, kStart));
  EXPECT_FALSE(standing.take(calm, kStart + minutes(1)));
  EXPECT_FALSE(standing.take(hangs, kStart + minutes(2)));
  EXPECT_TRUE(standing.take(hangs, kStart + minutes(4)));
}

TEST(StandingHangs, AnotherOneIsAnotherOne) {
  Report report = golden::two_deadlocks();
  ASSERT_EQ(report.diagnosis.findings.size(), 2U);
  Report first = golden::two_deadlocks();
  first.diagnosis.findings.pop_back();
  StandingHangs standing(minutes(2));
  standing.take(reports_of(std::move(first)), kStart);
  const Reports both = reports_of(std::move(report));
  EXPECT_TRUE(standing.take(both, kStart + minutes(2)));
  standing.set_told();
  EXPECT_FALSE(standing.take(both, kStart + minutes(3)));
}

TEST(StandingHangs, DeadlocksOverProcessesStandToo) {
  Reports reports = golden::processes_deadlock();
  for (CrossCycle& cycle : reports.across.cycles) cycle.since.reset();
  for (Report& report : reports.targets) report.diagnosis.findings.clear();
  StandingHangs standing(minutes(2));
  EXPECT_FALSE(standing.take(reports, kStart));
  EXPECT_TRUE(standing.take(reports, kStart + minutes(2)));
}

}  // namespace
}  // namespace pstuck
