#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "attach/mounts.h"
#include "attach/proc_files.h"

namespace pstuck {

/// What a process would open by this path; `start` is the link in its /proc from which a relative
/// path begins: "cwd", "fd/7". Looks into no file system that another machine or program serves;
/// none where the path leads to one, through /proc, or out of a root directory of the process's
/// own. `known`: which file systems are such, as far as that was asked for.
std::optional<struct stat> find_local_file(const ProcDirectory& process, const std::string& start,
                                           const std::string& path, Mounts& known);

}  // namespace pstuck
