#pragma once

#include <string>
#include <vector>

#include "cli/run/hang_list.h"

namespace pstuck {

/// Lines that GitHub Actions shows as annotations: "::error file=cache.cpp,line=41,title=…::…".
/// Files in `workspace` (GITHUB_WORKSPACE) are named from there, as GitHub has it.
/// Without hangs, one line says that the command did not end (`late`) and that none was found.
std::string github_annotations(const std::vector<Hang>& hangs, const std::string& late,
                               const std::string& workspace);

}  // namespace pstuck
