#pragma once

#include "attach/proc_files.h"

namespace pstuck {

/// A process that may be looked at.
struct AccessibleProcess {
  Tid pid;
  Tid living;  ///< a thread whose memory can be read: not always the first, which may have ended
  Descriptor memory;  ///< /proc/TID/mem: keeps the address space, whatever becomes of the pid
  Descriptor pidfd;   ///< not open where the kernel has none
};

/// Checks everything that would stop a capture, without touching the target.
/// Throws Error with the reason and the next thing to try.
AccessibleProcess open_process(Tid id);

}  // namespace pstuck
