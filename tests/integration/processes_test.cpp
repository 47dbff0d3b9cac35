// Processes chosen in every way, and the deadlocks among them.

#include <gtest/gtest.h>
#include <unistd.h>

#include <regex>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

class Processes : public ::testing::Test {
 protected:
  [[nodiscard]] int pid_of(const std::string& role) const { return circle_.truth().tids.at(role); }

  static std::set<int> pids_in(const json& reports) {
    std::set<int> pids;
    for (const json& target : reports) pids.insert(target.at("process").at("pid").get<int>());
    return pids;
  }

  SampleRun circle_{{"processes_in_a_circle", "mixture", "O2"}};
};

/// Nothing else may run that would mind to be looked at.
class WholeMachine : public Processes {};

TEST_F(Processes, AreFollowedFromEachOfThem) {
  for (const char* role : {"parent", "child", "sister"}) {
    const json report = report_on({std::to_string(pid_of(role))});
    expect_across(report, circle_.truth());
    EXPECT_EQ(pids_in(report.at("targets")), std::set{pid_of(role)});
    EXPECT_EQ(report.at("followed").size(), 2U);
    EXPECT_EQ(report.at("targets").at(0).at("verdict"), "deadlock");
  }
}

TEST_F(Processes, AreNotFollowedWhenNotWanted) {
  const json report = report_on({"--follow", "0", circle_.target()});
  EXPECT_TRUE(report.at("followed").empty());
  EXPECT_TRUE(report.at("across").at("deadlocks").empty());
  EXPECT_EQ(report_on({"--follow", "1", circle_.target()}).at("followed").size(), 1U);
}

TEST_F(Processes, AreChosenByTree) {
  const json report = report_on({"--tree", circle_.target()});
  expect_across(report, circle_.truth());
  EXPECT_EQ(report.at("targets").size(), 4U);  // the watcher too
  EXPECT_TRUE(report.at("followed").empty());
}

TEST_F(Processes, AreChosenByName) {
  const json report = report_on({"--name", "sister"});
  EXPECT_TRUE(pids_in(report.at("targets")).contains(pid_of("sister")));
  EXPECT_FALSE(pids_in(report.at("targets")).contains(pid_of("child")));
}

TEST_F(WholeMachine, IsChosenByProcessGroup) {
  const json report = report_on({"--pgid", std::to_string(getpgid(circle_.truth().pid))});
  EXPECT_TRUE(pids_in(report.at("targets")).contains(pid_of("child")));
}

TEST_F(WholeMachine, IsLookedAt) {
  const json report = report_on({"--all"});
  bool found = false;
  for (const json& deadlock : report.at("across").at("deadlocks")) {
    std::set<int> tids;
    for (const json& member : deadlock.at("members")) tids.insert(member.at("tid").get<int>());
    found = found || tids == std::set{pid_of("parent"), pid_of("child"), pid_of("sister")};
  }
  EXPECT_TRUE(found) << report.at("across");
  // Who hangs is looked at from inside, too.
  for (const json& target : report.at("targets")) {
    if (target.at("process").at("pid") != pid_of("sister")) continue;
    EXPECT_FALSE(target.at("threads").at(0).at("stack").at("frames").empty());
  }
}

TEST(ChainOfProcesses, EndsInTheOneThatMustMoveFirst) {
  const SampleRun chain({"processes_in_a_circle", "chain", "O2"});
  const auto tid = [&](const char* role) { return chain.truth().tids.at(role); };
  for (const Command& targets : {Command{"--tree", chain.target()}, Command{chain.target()}}) {
    const json report = report_on(targets);
    const json& roots = report.at("across").at("roots");
    ASSERT_EQ(roots.size(), 1U) << roots;
    EXPECT_EQ(roots[0].at("tid"), tid("backend"));
    EXPECT_EQ(roots[0].at("hops"), 2);
    std::vector<int> path;
    for (const json& member : roots[0].at("path")) path.push_back(member.at("tid"));
    EXPECT_EQ(path, (std::vector{tid("parent"), tid("child"), tid("backend")}));
    EXPECT_EQ(roots[0].at("confirmation").at("looked_again"), true);
    EXPECT_EQ(report.at("signature").at("kind"), "held_up");
    EXPECT_TRUE(std::regex_match(
        report.at("signature").at("words").get<std::string>(),
        std::regex("parent .* in wait4 · child .* in read · backend .* in clock_nanosleep")))
        << report.at("signature");
  }
  const Outcome text = run(pstuck_command({chain.target()}));
  EXPECT_NE(text.out.find("CHAIN  2 threads wait in the end for backend (pid " +
                          std::to_string(tid("backend")) + "), which sleeps in clock_nanosleep"),
            std::string::npos)
      << text.out;
  EXPECT_NE(text.out.find("\n  Nobody on the way ran between two reads "), std::string::npos)
      << text.out;
  const Outcome postmortem = run(pstuck_command({"--format", "postmortem", chain.target()}));
  EXPECT_NE(postmortem.out.find("A chain over processes: 2 threads wait in the end for"),
            std::string::npos)
      << postmortem.out;
}

TEST_F(Processes, AreSeenWithoutAnyStop) {
  const json report = report_on({"--no-stop", circle_.target()});
  expect_across(report, circle_.truth());
  const json& target = report.at("targets").at(0);
  EXPECT_EQ(target.at("threads").at(0).at("capture_reason"), "stop_not_wanted");
  EXPECT_EQ(target.at("capture").at("longest_stop_ns"), 0);
  EXPECT_FALSE(target.at("threads").at(0).at("stack").at("frames").empty());
}

TEST_F(Processes, HangForTheExitStatusToo) {
  EXPECT_EQ(run(pstuck_command({"--exit-code", circle_.target()})).status, 1);
  EXPECT_EQ(run(pstuck_command({"--exit-code", "--follow", "0", circle_.target()})).status, 0);
}

TEST_F(Processes, HaveAPostmortem) {
  const Outcome outcome = run(pstuck_command({"--format", "postmortem", circle_.target()}));
  EXPECT_NE(outcome.out.find("wait for each other"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("nothing was stuck"), std::string::npos) << outcome.out;
}

TEST(ChosenProcesses, ThatAreNoneAreAnError) {
  for (const Command& words : {Command{"--name", "no-such-name"}, Command{"--tree", "999999999"}}) {
    const Outcome outcome = run(pstuck_command(words));
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.err.find("list the processes: ps -e"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace pstuck::testing
