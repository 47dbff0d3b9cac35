#pragma once

#include "attach/error.h"

namespace pstuck {

constexpr int kTrouble = 2;

/// Says on standard error what went wrong and what to try next. Returns kTrouble.
int report_trouble(const Error& error);

/// There is no such process, or not any more.
bool is_of_ended_process(const Error& error);

}  // namespace pstuck
