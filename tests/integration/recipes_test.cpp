// The recipes of the manual: pstuck run around ctest, GoogleTest, pytest and make.

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kSample = std::string(PSTUCK_SAMPLES) + "/O2/router_and_cache";

bool is_installed(const std::string& program) { return run({program, "--version"}).status == 0; }

class RecipeTest : public ::testing::Test {
 protected:
  RecipeTest() : directory_(make_test_directory()) {}
  ~RecipeTest() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }

  /// Two tests, of which one hangs; configured with these options.
  void make_ctest_project(const Command& options) const {
    write("CMakeLists.txt",
          "cmake_minimum_required(VERSION 3.20)\n"
          "project(orders NONE)\n"
          "enable_testing()\n"
          "add_executable(hangs IMPORTED)\n"
          "set_target_properties(hangs PROPERTIES IMPORTED_LOCATION " +
              kSample +
              ")\n"
              "add_test(NAME passes COMMAND true)\n"
              "add_test(NAME hangs COMMAND hangs)\n");
    Command configure{"cmake", "-S", directory_, "-B", path("build")};
    configure.insert(configure.end(), options.begin(), options.end());
    const Outcome outcome = run(configure);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }

  [[nodiscard]] json read_report(const std::string& artifacts) const {
    std::ifstream file(path(artifacts + "/report.json"));
    return file ? json::parse(file) : json{{"targets", json::array()}};
  }

  fs::path directory_;
};

/// Of all processes that were looked at nobody lives.
void expect_nobody_is_left(const json& report) {
  EXPECT_FALSE(report.at("targets").empty());
  for (const json& target : report.at("targets")) {
    const int pid = target.at("process").at("pid");
    EXPECT_TRUE(kill(pid, 0) != 0 && errno == ESRCH) << target.at("process");
  }
}

TEST_F(RecipeTest, CTestAsAWhole) {
  if (!is_installed("ctest")) GTEST_SKIP() << "ctest is not installed";
  ASSERT_NO_FATAL_FAILURE(make_ctest_project({}));
  const Outcome outcome =
      run(pstuck_command({"run", "--timeout", "5s", "--artifacts", path("hangs"), "--", "ctest",
                          "--test-dir", path("build")}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.out.find("passes ..."), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("DEADLOCK  router_and_cache (pid "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("==> ctest (pid "), std::string::npos) << outcome.err;
  for (const char* const name :
       {"report.txt", "report.json", "threads.txt", "postmortem.md", "hang.pstuck"}) {
    EXPECT_TRUE(fs::exists(path("hangs") + "/" + name)) << name;
  }
  expect_nobody_is_left(read_report("hangs"));
}

TEST_F(RecipeTest, EveryTestOfCTest) {
  if (!is_installed("ctest")) GTEST_SKIP() << "ctest is not installed";
  const std::string launcher =
      std::string(PSTUCK_BINARY) + ";run;--timeout;2s;--artifacts;" + path("hangs/%n") + ";--";
  ASSERT_NO_FATAL_FAILURE(make_ctest_project(
      {"-DCMAKE_TEST_LAUNCHER=" + launcher, "-DCMAKE_CROSSCOMPILING_EMULATOR=" + launcher}));
  const Outcome outcome =
      run({"ctest", "--test-dir", path("build"), "--output-on-failure", "--timeout", "100"});
  EXPECT_EQ(outcome.status, 8) << "a test failed: " << outcome.out;
  EXPECT_NE(outcome.out.find("DEADLOCK  router_and_cache (pid "), std::string::npos) << outcome.out;
  expect_nobody_is_left(read_report("hangs/router_and_cache"));
}

TEST_F(RecipeTest, AnEarlierTimeoutOfCTestLeavesNobody) {
  if (!is_installed("ctest")) GTEST_SKIP() << "ctest is not installed";
  const std::string launcher = std::string(PSTUCK_BINARY) + ";run;--timeout;100s;--";
  ASSERT_NO_FATAL_FAILURE(make_ctest_project(
      {"-DCMAKE_TEST_LAUNCHER=" + launcher, "-DCMAKE_CROSSCOMPILING_EMULATOR=" + launcher}));
  const Outcome outcome = run({"ctest", "--test-dir", path("build"), "-V", "--timeout", "2"});
  EXPECT_EQ(outcome.status, 8) << outcome.out;
  const std::size_t at = outcome.out.find("2: pid ");  // the sample tells its own
  ASSERT_NE(at, std::string::npos) << outcome.out;
  const int pid = std::stoi(outcome.out.substr(at + 7));
  EXPECT_TRUE(poll_until([&] { return kill(pid, 0) != 0 && errno == ESRCH; }));
}

TEST_F(RecipeTest, GoogleTest) {
  const Outcome outcome = run(pstuck_command({"run", "--timeout", "2s", "--", HANGING_GTEST}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.out.find("[ RUN      ] Account.TransfersBothWays"), std::string::npos);
  EXPECT_NE(outcome.err.find("DEADLOCK  "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("hanging_gtest.cpp:"), std::string::npos) << outcome.err;
}

TEST_F(RecipeTest, PyTest) {
  if (!is_installed("pytest-3")) GTEST_SKIP() << "python3-pytest is not installed";
  write("test_orders.py",
        "import threading\n"
        "def test_books_twice():\n"
        "    lock = threading.Lock()\n"
        "    lock.acquire()\n"
        "    lock.acquire()\n");
  const Outcome outcome = run(
      pstuck_command({"run", "--timeout", "5s", "--", "pytest-3", "-v", path("test_orders.py")}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.out.find("test_books_twice"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("semaphore"), std::string::npos) << outcome.err;
}

TEST_F(RecipeTest, Make) {
  write("Makefile", "check:\n\t@" + kSample + "\n");
  const Outcome outcome =
      run(pstuck_command({"run", "--timeout", "2s", "--artifacts", path("hangs"), "--", "make",
                          "-C", directory_, "check"}));
  EXPECT_EQ(outcome.status, 124);
  EXPECT_NE(outcome.err.find("DEADLOCK  router_and_cache (pid "), std::string::npos) << outcome.err;
  expect_nobody_is_left(read_report("hangs"));
}

TEST_F(RecipeTest, EveryLineOfMake) {
  write("Makefile", "check:\n\t@echo one; echo two\n\t@" + kSample + "\n");
  const Outcome outcome =
      run({"make", "-C", directory_, "check", "SHELL=" + std::string(PSTUCK_BINARY),
           ".SHELLFLAGS=run --timeout 2s -- sh -c"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.out.find("one\ntwo\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("DEADLOCK  router_and_cache (pid "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("Error 124"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pstuck::testing
