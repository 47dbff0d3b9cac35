#pragma once

#include <string>

#include "attach/proc_files.h"

namespace pstuck {

/// The path of the control group that is frozen, and the process with it; empty when none is.
/// `own`: /proc/self, for where pstuck sees control groups.
std::string find_frozen_group(const ProcDirectory& process, const ProcDirectory& own);

}  // namespace pstuck
