#pragma once

#include <string>

#include "attach/ids.h"
#include "cli/run/run_request.h"
#include "cli/run/signals.h"

namespace pstuck {

/// A command that has reached one of its limits.
struct LateCommand {
  const RunRequest& request;
  const Signals& signals;
  Tid process;
  std::chrono::milliseconds ran{0};
  std::string reason;  ///< goes on from the command: "did not end within 10m 00s"
};

/// Looks at all processes below this one, says on standard error what was found, and writes the
/// artifacts. Throws nothing.
void report_hang(const LateCommand& late) noexcept;

}  // namespace pstuck
