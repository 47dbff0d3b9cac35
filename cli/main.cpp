#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>

#include "attach/error.h"
#include "cli/escape.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/report.h"

namespace pstuck {
namespace {

constexpr int kTrouble = 2;

int report_trouble(const Error& error) {
  constexpr std::size_t kWidest = 4096;
  fmt::print(stderr, "pstuck: {}\n", printable(error.what(), kWidest));
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", printable(error.hint, kWidest));
  return kTrouble;
}

int run(const Options& options) {
  if (!options.answer.empty()) {
    write_output("", options.answer);
    return 0;
  }
  int status = 0;
  const Reports reports = look_at(options, [&](const Error& error) {
    status = report_trouble(error);  // the other targets still get their reports
  });
  for (std::size_t i = 0; reports.targets.empty() && i < reports.unseen.size(); ++i) {
    status = report_trouble({ErrorKind::kNotPermitted, reports.unseen[i].why, "try sudo"});
  }
  if (reports.targets.empty()) return status;

  const bool to_terminal = options.output.empty() && ::isatty(STDOUT_FILENO) == 1;
  const bool colour = wants_colour(options.colour, to_terminal, std::getenv("NO_COLOR"));
  std::ostringstream text;
  render(reports, options.format, {.all_threads = options.all_threads, .colour = colour}, text);
  write_output(options.output, std::move(text).str());
  return status == 0 && options.exit_code ? hang_status(reports) : status;
}

}  // namespace
}  // namespace pstuck

int main(int argc, char** argv) {
  try {
    return pstuck::run(pstuck::parse_options(argc, argv));
  } catch (const pstuck::Error& error) {
    return pstuck::report_trouble(error);
  } catch (const std::exception& error) {
    return pstuck::report_trouble({pstuck::ErrorKind::kUnreadable, error.what(), ""});
  }
}
