#pragma once

#include <span>

#include "attach/live_capture.h"
#include "attach/open_descriptors.h"

namespace pstuck {

/// What the calls are about that these threads sleep in: their files, and the processes at the
/// other ends. Reads /proc of other processes only where a call can wait for one of them. Touches
/// nobody.
KernelFacts read_kernel_facts(const LiveProcess& process, std::span<const ThreadSnapshot> threads,
                              OpenDescriptors& descriptors);

}  // namespace pstuck
