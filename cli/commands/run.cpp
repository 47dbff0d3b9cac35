#include "cli/commands/run.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli/option_values.h"
#include "cli/run/guard.h"
#include "cli/run/keeper.h"
#include "cli/run/run_status.h"

namespace pstuck {
namespace {

constexpr std::string_view kExamples =
    R"(Exit status:
  124  the command took too long
  125  pstuck itself failed
  126  the command cannot be executed
  127  the command is not found
  else the command's own; after a signal 128 and its number, as $? has it

Examples:
  pstuck run --timeout 10m -- make check    say what hangs, then end it
  pstuck run --quiet 5m -- ctest            when it prints nothing for 5 minutes
)";

/// To whoever waits for pstuck it looks as if it had waited for the command.
int end_alike(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return WEXITSTATUS(wait_status);
  ::prctl(PR_SET_DUMPABLE, 0);  // the command's core is enough
  suffer(WTERMSIG(wait_status));
  return 128 + WTERMSIG(wait_status);  // where it was ignored from the start
}

}  // namespace

Run::Run()
    : Command(
          {.usage = "pstuck run [OPTION]... [--] COMMAND [ARGUMENT]...",
           .about =
               "Runs the command as timeout(1) does. When it takes too long, says what hangs in\n"
               "all of its processes, and ends them: by SIGTERM, then by SIGKILL.\n",
           .examples = kExamples}) {
  line().end_at_first_word();
  CLI::App& app = line().app();
  const auto add = [&](const char* name, std::string& word, const char* description) {
    app.add_option(name, word, description)->type_name("T")->group("Limits");
  };
  add("--timeout", timeout_, "so long it may run, like 90s, 10m or 2h");
  add("--quiet", quiet_, "so long it may write nothing to standard output and\nstandard error");
  add("--kill-after", kill_after_, "from SIGTERM to SIGKILL (default: 10s)");
  add("--budget", budget_, "so long pstuck may look at most (default: 60s)");
  app.add_option("--artifacts", artifacts_,
                 "also write the report in all formats to files in DIR;\n"
                 "%n is the command's name, %p its process id, %t the\ntime")
      ->type_name("DIR")
      ->group("Artifacts");
  app.add_option("--cores", cores_, "and cores, by gcore, of up to so many bytes in all")
      ->type_name("N[K|M|G]")
      ->group("Artifacts");
  app.add_option("--junit", junit_,
                 "write JUnit's XML: the command as a test case, its\n"
                 "end or what hung as the failure; names as above")
      ->type_name("FILE")
      ->group("Artifacts");
  words_.add_looking_options(app);
}

int Run::trouble_status() const { return kRunFailed; }

RunRequest Run::request() {
  RunRequest request{.command = line().words(), .looking = words_.understand()};
  if (request.command.empty()) {
    refuse("no COMMAND was given", "try pstuck run --timeout 10m -- COMMAND");
  }
  if (timeout_.empty() && quiet_.empty()) {
    refuse("no limit was given", "give --timeout or --quiet, or both");
  }
  if (!timeout_.empty()) request.timeout = parse_limit("--timeout", timeout_);
  if (!quiet_.empty()) request.quiet = parse_limit("--quiet", quiet_);
  request.kill_after = parse_limit("--kill-after", kill_after_);
  request.budget = parse_limit("--budget", budget_);
  request.artifacts = artifacts_;
  request.junit = junit_;
  if (!cores_.empty()) {
    request.cores =
        parse_bytes("--cores", cores_, SIZE_MAX, "it is a number of bytes, like 512M or 8G");
    if (artifacts_.empty()) refuse("--cores needs a directory", "give --artifacts DIR too");
  }
  return request;
}

int Run::run() {
  const RunRequest request = this->request();
  const Signals signals;
  const int ended = work_guarded(signals, request.kill_after, [&](const GuardChannel& channel) {
    static std::optional<Keeper> keeper;  // lives to the end of the process
    return keeper.emplace(request, signals).run(channel);
  });
  return end_alike(ended);
}

}  // namespace pstuck
