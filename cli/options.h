#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/diagnose.h"
#include "attach/file_places.h"
#include "attach/process_list.h"
#include "cli/report.h"

namespace pstuck {

enum class ColourChoice { kAuto, kAlways, kNever };

/// The command line, understood.
struct Options {
  std::vector<std::string> targets;
  std::vector<ProcessChoice> choices;  ///< of processes that are targets too
  Format format = Format::kText;
  bool all_threads = false;
  std::string output;  ///< a file; empty or "-": standard output
  bool exit_code = false;
  ColourChoice colour = ColourChoice::kAuto;
  bool lines = true;
  std::size_t max_frames = 256;  ///< 0: no limit
  std::size_t stack_bytes = 64 * 1024;
  bool freeze = false;
  std::optional<std::size_t> samples;      ///< looks at what threads do; none: where it is worth it
  std::chrono::milliseconds interval{50};  ///< between these
  bool stop = true;
  /// From then on processes are looked at from outside, and closely only where something may hang.
  std::optional<std::chrono::steady_clock::time_point> closely_until;
  /// Is given each target's report as soon as it is there; may be empty.
  std::function<void(const Report&)> looked;
  std::size_t follow = 4;  ///< hops from process to process beyond the targets
  std::string executable;
  FilePlaces places;
  bool record = false;  ///< remember what was seen, for a snapshot file
  bool redact = false;  ///< of the memory only what the diagnosis asked for
  std::vector<std::string> lock_files;
  ScanMemory scan_memory = ScanMemory::kAuto;
  std::uint64_t max_memory = std::uint64_t{4} << 30;  ///< bytes that a scan may read
};

/// The options that several commands have, as they stand on the command line. Must live until
/// the command line is parsed.
class OptionWords {
 public:
  void add_report_options(CLI::App& app);
  void add_target_options(CLI::App& app);
  void add_looking_options(CLI::App& app);

  /// What they mean; `targets` are the words that are no options. Throws Error with kUsage.
  Options understand(std::vector<std::string> targets);

  /// The same for a command that knows its targets by itself.
  Options understand();

 private:
  void understand_choices();

  Options options_;
  struct {
    std::string format = "text";
    std::string colour = "auto";
    std::string max_frames = "256";
    std::string follow = "4";
    std::string stack_bytes = "64K";
    std::string scan_memory = "auto";
    std::string max_memory = "4G";
    std::string samples;
    std::string interval = "50ms";
    std::vector<std::string> trees;
    std::vector<std::string> groups;
    std::vector<std::string> names;
    std::vector<std::string> cores_of;
    bool all = false;
    bool no_lines = false;
    bool no_stop = false;
  } words_;
};

/// Whether to write colour. `no_color` is the environment variable NO_COLOR, null when not set.
bool wants_colour(ColourChoice choice, bool to_terminal, const char* no_color);

}  // namespace pstuck
