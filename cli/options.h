#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/diagnose.h"
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
  std::size_t follow = 4;  ///< hops from process to process beyond the targets
  std::string executable;
  std::vector<std::string> lock_files;
  ScanMemory scan_memory = ScanMemory::kAuto;
  std::uint64_t max_memory = std::uint64_t{4} << 30;  ///< bytes that a scan may read
  std::string answer;  ///< what --help or --version asked for: print it and stop; else empty
};

/// Throws Error with kUsage.
Options parse_options(int argc, const char* const* argv);

/// Whether to write colour. `no_color` is the environment variable NO_COLOR, null when not set.
bool wants_colour(ColourChoice choice, bool to_terminal, const char* no_color);

}  // namespace pstuck
