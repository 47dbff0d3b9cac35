#pragma once

#include <span>
#include <vector>

#include "attach/memory.h"

namespace pstuck {

/// The programs and libraries among the mappings, which must be ascending, with the build IDs that
/// the target's memory shows. A file that can only be told to be ELF by a header that memory does
/// not have, as in a cut core, counts when it is mapped as code; one for another machine never
/// does, as what qemu-user runs. Leaves Module::local_file empty.
std::vector<Module> find_modules(std::span<const Mapping> mappings, Memory& memory,
                                 Machine machine = Machine::kX86_64);

}  // namespace pstuck
