#include "cli/commands.h"

#include <algorithm>
#include <array>

#include "cli/commands/capture.h"
#include "cli/commands/diagnose.h"
#include "cli/commands/diff.h"
#include "cli/commands/run.h"
#include "cli/commands/triage.h"
#include "cli/commands/watch.h"
#include "cli/output.h"

namespace pstuck {
namespace {

template <typename Verb>
std::unique_ptr<Command> make() {
  return std::make_unique<Verb>();
}

constexpr std::array kCommands{
    CommandRow{"", "says who waits for whom", make<Diagnose>},
    CommandRow{"capture", "saves a snapshot for later and for elsewhere", make<Capture>},
    CommandRow{"diff", "says who moved between two looks, and who did not", make<Diff>},
    CommandRow{"run", "says what hangs when a command takes too long", make<Run>},
    CommandRow{"triage", "groups reports, snapshots and cores by what hangs", make<Triage>},
    CommandRow{"watch", "tells when a running process begins to hang", make<Watch>},
};

}  // namespace

std::span<const CommandRow> list_commands() { return kCommands; }

int run_command(int argc, const char* const* argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const auto named = std::ranges::find(kCommands, verb, &CommandRow::name);
  const bool has_verb = named != kCommands.end() && !verb.empty();
  const std::unique_ptr<Command> command = (has_verb ? *named : kCommands.front()).make();
  const int skipped = has_verb ? 1 : 0;
  try {
    command->line().parse(argc - skipped, argv + skipped);
    if (command->line().answer().empty()) return command->run();
    write_output("", command->line().answer());
    return 0;
  } catch (const Error& error) {
    report_trouble(error);
  } catch (const std::exception& error) {
    report_trouble({ErrorKind::kUnreadable, error.what(), ""});
  }
  return command->trouble_status();
}

}  // namespace pstuck
