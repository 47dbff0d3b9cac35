#pragma once

#include <vector>

#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

/// What a thread would do if it were cancelled now: struct _pthread_cleanup_buffer. While a thread
/// is in a wait of libc's own, the argument leads to what it waits for.
struct CleanupHandler {
  Address routine;
  Address argument;

  friend bool operator==(const CleanupHandler&, const CleanupHandler&) = default;
};

/// The thread's cleanup chain, innermost first, at most 64 long. Its head is struct
/// pthread::cleanup, at the same place on x86-64 from glibc 2.17 to 2.42 (nptl/descr.h). Empty
/// where the thread pointer is not known, and for other C libraries.
std::vector<CleanupHandler> read_cleanup_chain(const ThreadSnapshot& thread, Memory& memory);

}  // namespace pstuck
