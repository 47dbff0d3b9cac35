#pragma once

#include <vector>

#include "analyzers/diagnosis.h"
#include "attach/memory.h"

namespace pstuck {

/// What the threads wait for that sleep in a call of the kernel, other than a futex call; ascending
/// by thread. `threads` say which calls these are, and get told which waits are theirs.
std::vector<KernelWait> find_kernel_waits(const Snapshot& snapshot, Memory& memory,
                                          std::vector<ThreadStatus>& threads);

}  // namespace pstuck
