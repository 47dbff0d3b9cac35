#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attach/proc_files.h"
#include "attach/proc_parse.h"

namespace pstuck {

/// Whether asking a file system cannot lead to a server that does not answer.
using IsLocal = std::function<bool(const MountFacts& mount)>;

/// What is at an absolute path as the process sees it, whose mounts these are, those on top of
/// others last. None where a step leads to a file system that is not local, through /proc, or out
/// of a root directory of the process's own.
std::optional<struct stat> walk_local(const ProcDirectory& process,
                                      const std::vector<MountFacts>& mounts,
                                      const IsLocal& is_local, const std::string& path);

}  // namespace pstuck
