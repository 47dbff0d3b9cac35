#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "attach/ids.h"
#include "cli/run/run_request.h"

namespace pstuck {

/// A command that was run, as a test case of JUnit's XML. All text is printable lines.
struct TestCase {
  struct Failure {
    std::string type;     ///< "DEADLOCK"
    std::string message;  ///< one line
    std::string text;
  };
  std::string name;
  std::chrono::milliseconds time{0};
  std::optional<Failure> failure;
};

/// The form that Jenkins, GitLab and GitHub's reporters read.
std::string junit_document(const TestCase& test);

/// To the file that was asked for, if one was. What goes wrong is told on standard error.
void write_junit(const RunRequest& request, Tid process, std::chrono::milliseconds ran,
                 const std::optional<TestCase::Failure>& failure);

}  // namespace pstuck
