#pragma once

#include "cli/json_values.h"
#include "cli/report.h"

namespace pstuck {

/// The waits from process to process, and the deadlocks among them.
Json json_of_across(const Reports& reports);

}  // namespace pstuck
