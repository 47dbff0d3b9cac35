#pragma once

#include <string>
#include <vector>

#include "cli/sentences.h"

namespace pstuck {

/// What pstuck could not see in a report, each a sentence; empty when it saw everything.
std::vector<std::string> blind_spot_sentences(const Sentences& sentences);

}  // namespace pstuck
