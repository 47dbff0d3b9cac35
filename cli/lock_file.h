#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/waits/lock_description.h"

namespace pstuck {

/// The [[lock]] entries of a file in TOML. Throws Error with kUsage; its message begins with
/// file:line:column.
std::vector<LockDescription> parse_lock_file(std::string_view text, const std::string& path);

/// Those of all files in this order, then those of the libraries that pstuck knows by itself.
/// Throws Error: also kUnreadable.
std::vector<LockDescription> read_lock_files(const std::vector<std::string>& paths);

/// analyzers/waits/library_locks.toml, compiled in.
std::string_view library_locks();

}  // namespace pstuck
