#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "cli/run/signals.h"

namespace pstuck {

/// A descriptor of the command, and which of pstuck's own it gets there.
struct Stream {
  int its = -1;
  int ours = -1;
};

struct Started {
  pid_t pid = -1;  ///< also its process group; -1 when it could not be started
  int error = 0;   ///< errno of fork or exec
};

/// Starts it in a process group of its own, with the standard streams of pstuck but for these, and
/// with its signals; where `signals` is not null, as they were before that.
Started start_command(const std::vector<std::string>& words, const Signals* signals,
                      const std::vector<Stream>& streams);

}  // namespace pstuck
