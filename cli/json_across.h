#pragma once

#include "cli/json_values.h"
#include "cli/report.h"

namespace pstuck {

/// The waits from process to process, and the deadlocks among them.
Json json_of_across(const Reports& reports);

/// What the second look at a finding told.
Json json_of_confirmation(const Confirmation& confirmation);

}  // namespace pstuck
