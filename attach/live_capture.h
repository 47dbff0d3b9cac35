#pragma once

#include <span>

#include "attach/live_threads.h"
#include "attach/target.h"

namespace pstuck {

/// What the capture of one process works with; all must outlive it.
struct LiveProcess {
  Tid pid;
  const ProcDirectory& directory;  ///< /proc/TID of a living thread
  int pidfd;                       ///< -1 where the kernel has none
  Memory& memory;
  const std::vector<Mapping>& mappings;
};

/// Takes registers and stacks of `threads`, whose facts were read before. Each thread stands still
/// alone and only while its registers and its stack are copied; with options.freeze all stand still
/// together. Threads that a stop would disturb are read as they sleep. Every thread runs again when
/// this returns. Adds the longest stop of any thread to `longest_stop`.
void capture_stacks(const LiveProcess& process, std::span<LiveThread> threads,
                    const CaptureOptions& options, std::chrono::nanoseconds& longest_stop);

}  // namespace pstuck
