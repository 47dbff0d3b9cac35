#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/hang_signature.h"
#include "cli/options.h"

namespace pstuck {

/// One report, snapshot or core, in a line.
struct Artifact {
  std::string path;
  std::string kind;         ///< "report", "snapshot", "core"; empty when the file is none of them
  std::string error;        ///< why it could not be read; else empty
  std::int64_t time_s = 0;  ///< since 1970: when it was taken, else when the file was written
  std::string process;      ///< "orderd"; of the first one
  std::int32_t pid = 0;
  std::string host;  ///< may be empty
  std::size_t threads = 0;
  std::optional<HangSignature> signature;  ///< none: nobody is held up
};

/// Reads it and, unless it is a report, looks at it with these options. Never throws: what is wrong
/// is said in `error`.
Artifact read_artifact(const std::string& path, const Options& options);

/// One line of JSON, and back; none for a line that is something else.
std::string line_of(const Artifact& artifact);
std::optional<Artifact> parse_artifact(const std::string& line);

}  // namespace pstuck
