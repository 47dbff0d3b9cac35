// A target in a PID namespace of its own, as in a container: its locks name ids of that namespace.

#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

const Command kInNamespace = {"unshare", "--pid", "--fork", "--kill-child"};

/// The one that unshare started.
std::string child_of(pid_t pid) {
  const std::string id = std::to_string(pid);
  std::ifstream file("/proc/" + id + "/task/" + id + "/children");
  std::string child;
  file >> child;
  return child;
}

TEST(OtherPidNamespace, ThreadsAreToldByBothIds) {
  Command command = kInNamespace;
  command.emplace_back("true");
  if (run(command).status != 0) GTEST_SKIP() << "PID namespaces are not permitted here";
  command.back() = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";
  Subprocess unshare(command);
  for (std::string line; line != "ready";) {
    line = unshare.read_line();
    ASSERT_FALSE(line.empty());
  }
  const std::string target = child_of(unshare.pid());
  Outcome outcome;
  const bool found = poll_until([&] {
    outcome = run(pstuck_command({target}));
    return outcome.out.find("DEADLOCK  router_and_cache (pid " + target + ", 1 in its own") == 0;
  });
  EXPECT_TRUE(found) << outcome.out << outcome.err;
  EXPECT_TRUE(std::regex_search(
      outcome.out, std::regex("router \\([0-9]+, [0-9]+ in its namespace\\) +holds g_router")))
      << outcome.out;
  for (const auto& thread : diagnose(target).at("threads")) {
    EXPECT_LT(thread.at("tid_in_target"), thread.at("tid"));
  }
}

}  // namespace
}  // namespace pstuck::testing
