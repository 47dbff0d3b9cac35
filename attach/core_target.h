#pragma once

#include <memory>
#include <string>

#include "attach/target.h"

namespace pstuck {

/// Reads a core as gcore and the kernel write it. Throws Error that says what the file is instead,
/// what it lacks, or which other file of the program it needs.
std::unique_ptr<Target> open_core_target(const std::string& path, const TargetOptions& options);

}  // namespace pstuck
