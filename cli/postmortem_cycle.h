#pragma once

#include <string>

#include "cli/sentences.h"

namespace pstuck {

/// The facts of one finding in Markdown: its waits, the four conditions of Coffman, the stacks.
std::string postmortem_cycle(const Sentences& sentences, const Finding& finding);

}  // namespace pstuck
