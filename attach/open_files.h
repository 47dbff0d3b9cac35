#pragma once

#include "attach/kernel_facts.h"
#include "attach/proc_files.h"

namespace pstuck {

/// Which file a descriptor of some process leads to; none for one that is not open, and where the
/// kernel does not let pstuck look.
std::optional<FileId> find_file_id(const ProcDirectory& process, std::int32_t descriptor);

/// What the kernel tells of a descriptor, without touching the process. `pidfd`: of the process,
/// for its sockets; -1 where the kernel has none.
std::optional<OpenFile> read_open_file(const ProcDirectory& process, int pidfd,
                                       std::int32_t descriptor);

}  // namespace pstuck
