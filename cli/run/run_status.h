#pragma once

namespace pstuck {

// As timeout(1) has them.
constexpr int kTimedOut = 124;
constexpr int kRunFailed = 125;
constexpr int kCannotExecute = 126;
constexpr int kNotFound = 127;

}  // namespace pstuck
