#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace pstuck {

/// The command line of `pstuck run`, understood.
struct RunRequest {
  std::vector<std::string> command;                  ///< at least one word
  std::optional<std::chrono::milliseconds> timeout;  ///< it or the next one is there
  std::optional<std::chrono::milliseconds> quiet;
  std::chrono::milliseconds kill_after = std::chrono::seconds(10);
  std::chrono::milliseconds budget = std::chrono::minutes(1);
  std::string artifacts;               ///< pattern of a directory's name; empty: none
  std::optional<std::uint64_t> cores;  ///< so many bytes of them, in that directory
  std::string junit;                   ///< pattern of a file's name; empty: none
  Options looking;                     ///< how to look at the processes

  /// The command as a shell takes it, printable.
  [[nodiscard]] std::string words() const;
};

}  // namespace pstuck
