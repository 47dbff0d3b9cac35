#pragma once

#include <string>
#include <vector>

#include "cli/report.h"

namespace pstuck {

/// One finding, for places that have room for a few lines. All text is printable.
struct Hang {
  std::string_view word;  ///< "LIKELY DEADLOCK"
  std::string sentence;   ///< "orderd (pid 48213): 2 threads wait for each other · for 3m 12s"
  std::string details;    ///< lines: who holds what and wants what, or what the evidence is
  std::string file;       ///< where a thread of it waits; empty when that is not known
  int line = 0;
};

/// Those over several processes first, then process by process.
std::vector<Hang> list_hangs(const Reports& reports);

}  // namespace pstuck
