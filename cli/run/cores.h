#pragma once

#include <cstdint>

#include "cli/report.h"
#include "cli/run/artifacts.h"
#include "cli/run/signals.h"

namespace pstuck {

/// Cores of the processes that hang, by gcore(1), of so many bytes in all. None is ever
/// cut off under its final name. What cannot be written is told on standard error.
void write_cores(const Reports& reports, std::uint64_t most_bytes, const Signals& signals,
                 Artifacts& artifacts);

}  // namespace pstuck
