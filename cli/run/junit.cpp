#include "cli/run/junit.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/output.h"
#include "cli/run/artifacts.h"
#include "cli/trouble.h"

namespace pstuck {
namespace {

/// Printable text has no character that XML cannot have.
std::string xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string junit_document(const TestCase& test) {
  const double seconds = std::chrono::duration<double>(test.time).count();
  std::string failure;
  if (test.failure) {
    failure =
        fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                    xml(test.failure->type), xml(test.failure->message), xml(test.failure->text));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites>\n"
      "  <testsuite name=\"pstuck run\" tests=\"1\" failures=\"{}\" errors=\"0\" skipped=\"0\" "
      "time=\"{:.3f}\">\n"
      "    <testcase classname=\"pstuck run\" name=\"{}\" time=\"{:.3f}\">\n"
      "{}"
      "    </testcase>\n"
      "  </testsuite>\n"
      "</testsuites>\n",
      test.failure ? 1 : 0, seconds, xml(test.name), seconds, failure);
}

void write_junit(const RunRequest& request, Tid process, std::chrono::milliseconds ran,
                 const std::optional<TestCase::Failure>& failure) {
  if (request.junit.empty()) return;
  const std::string path = expand_name(request.junit, request.command.front(), process);
  std::error_code ignored;  // the file cannot be written either, then
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  try {
    write_output(path, junit_document({.name = request.words(), .time = ran, .failure = failure}));
  } catch (const Error& error) {
    report_trouble(error);
  }
}

}  // namespace pstuck
