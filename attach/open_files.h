#pragma once

#include "attach/kernel_facts.h"
#include "attach/mounts.h"
#include "attach/proc_files.h"

namespace pstuck {

/// What /proc tells of a descriptor of some process.
struct DescriptorLook {
  std::string path;  ///< "/var/log/x", "pipe:[123]"
  bool deleted = false;
  FileKind kind = FileKind::kOther;
  std::optional<FileId> id;           ///< none where it cannot be told from other files
  const MountFacts* mount = nullptr;  ///< null for the kernel's own; belongs to the Mounts
  DescriptorFacts facts;
};

/// Of a pipe or a socket, by what /proc calls it: "pipe:[123]".
std::optional<FileId> nameless_file_id(std::string_view name);

/// Looks without touching the file itself, which can be one of a server that does not answer. None
/// for a descriptor that is not open, and where the kernel does not let pstuck look.
std::optional<DescriptorLook> look_at_descriptor(const ProcDirectory& process,
                                                 std::int32_t descriptor, Mounts& mounts);

/// The same with what the file is, and its other end if it is a pipe or a terminal. `pidfd`: of the
/// process, for its sockets; -1 where the kernel has none.
std::optional<OpenFile> read_open_file(const ProcDirectory& process, int pidfd,
                                       std::int32_t descriptor, Mounts& mounts);

}  // namespace pstuck
