#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pstuck {

/// What --help says around the options.
struct HelpText {
  std::string_view usage;     ///< "pstuck [OPTION]... TARGET..."
  std::string_view about;     ///< lines
  std::string commands;       ///< lines, of the other commands; may be empty
  std::string_view examples;  ///< lines, behind the options
};

/// The options of one command: CLI11, with messages and a help text of pstuck's own. An option
/// belongs to the group under which --help shows it; of one given twice the last counts.
class CommandLine {
 public:
  explicit CommandLine(const HelpText& text);

  /// Where the command adds its options.
  CLI::App& app() { return app_; }

  /// From the first word that is no option on all is another program's command line.
  void end_at_first_word() { ends_at_first_word_ = true; }

  /// `argv` as main() has it, the command's name in front. Throws Error with kUsage.
  void parse(int argc, const char* const* argv);

  /// What --help or --version asked for: print it and stop; else empty.
  [[nodiscard]] const std::string& answer() const { return answer_; }

  /// The words that are no options, in order; also those behind "--".
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  [[nodiscard]] std::string help() const { return app_.help(); }

 private:
  [[nodiscard]] int end_of_options(int argc, const char* const* argv) const;

  CLI::App app_;
  bool ends_at_first_word_ = false;
  std::string answer_;
  std::vector<std::string> words_;
};

}  // namespace pstuck
