#pragma once

#include <string>

#include "analyzers/thread_rules.h"
#include "cli/toml_entry.h"

namespace pstuck {

/// One [[idle]], [[ask]] or [[semaphore_lock]] of a lock file.
ThreadRule read_rule(const toml::table& table, Remark::Says says, const std::string& path);

}  // namespace pstuck
