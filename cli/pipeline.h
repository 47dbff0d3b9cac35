#pragma once

#include <string>

#include "cli/options.h"
#include "cli/report.h"

namespace pstuck {

/// The whole way from a target's name to its report: five steps, and for a live target a sixth that
/// confirms them. Throws Error.
Report look_at(const std::string& spec, const Options& options);

}  // namespace pstuck
