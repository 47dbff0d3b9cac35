#pragma once

#include <memory>
#include <span>
#include <string>

#include "cli/command_line.h"
#include "cli/trouble.h"

namespace pstuck {

/// One verb of the command line: its options, and what it does.
class Command {
 public:
  explicit Command(const HelpText& text) : line_(text) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  virtual ~Command() = default;

  CommandLine& line() { return line_; }

  /// After the line was parsed. Returns the exit status. Throws Error.
  virtual int run() = 0;

  /// The exit status when run() or the command line gave an Error.
  [[nodiscard]] virtual int trouble_status() const { return kTrouble; }

 private:
  CommandLine line_;
};

struct CommandRow {
  std::string_view name;  ///< empty: what pstuck does without a verb
  std::string_view summary;
  std::unique_ptr<Command> (*make)();
};

std::span<const CommandRow> list_commands();

/// Parses and runs the command that `argv` names. Returns the exit status.
int run_command(int argc, const char* const* argv);

}  // namespace pstuck
