#include "cli/commands/diagnose.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/report.h"
#include "cli/trouble.h"

namespace pstuck {
namespace {

constexpr std::string_view kExamples =
    R"(Exit status:
  0  a report was made
  1  with --exit-code: the report says that threads hang
  2  trouble: wrong usage, no such process, not permitted, unreadable file

Examples:
  pstuck 48213                              who waits for whom in a live process
  pstuck -a core.48213                      every thread of a core file
  pstuck --core-of 48213                    the core that systemd keeps of it
  coredumpctl dump 48213 | pstuck -         a core on standard input
  pstuck --format postmortem -o hang.md 48213
                                            a postmortem to fill in
  pstuck --tree 48213                       a process and all its descendants
  pstuck --all                              whatever hangs on this machine
  pstuck --exit-code --format json $(pidof orderd)
                                            for scripts: status 1 on a hang
)";

std::string list_verbs() {
  std::string lines;
  for (const CommandRow& command : list_commands()) {
    if (!command.name.empty()) lines += fmt::format("  {:<25}{}\n", command.name, command.summary);
  }
  return lines;
}

}  // namespace

Diagnose::Diagnose()
    : Command(
          {.usage = "pstuck [OPTION]... TARGET...",
           .about =
               "Says which threads of a hung process wait for what, who holds it, and what the\n"
               "holder is doing. A TARGET is a process id or a core file. Of several it also\n"
               "says which wait for each other.\n",
           .commands = list_verbs(),
           .examples = kExamples}) {
  CLI::App& app = line().app();
  words_.add_report_options(app);
  words_.add_target_options(app);
  words_.add_looking_options(app);
}

Options Diagnose::options() { return words_.understand(line().words()); }

int Diagnose::run() {
  const Options options = this->options();
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

}  // namespace pstuck
