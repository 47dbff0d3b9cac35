#pragma once

#include <vector>

#include "attach/core_notes.h"
#include "attach/memory.h"
#include "attach/target.h"

namespace pstuck {

/// Which files were mapped, for a core without NT_FILE: one of a kernel before 3.7, or of
/// qemu-user. Found as debuggers find them, through the dynamic linker's list, with the extents
/// that the files have here; ascending. Files that are not here, or none of this machine's, are
/// left out. TargetOptions::executable stands in for the program.
std::vector<CoreFileRange> find_files_by_link_map(Memory& memory,
                                                  const CoreAuxiliaryVector& auxiliary,
                                                  Machine machine, const TargetOptions& options);

}  // namespace pstuck
