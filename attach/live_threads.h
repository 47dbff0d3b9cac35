#pragma once

#include <chrono>
#include <span>

#include "attach/proc_files.h"
#include "attach/target.h"

namespace pstuck {

/// A thread's facts from /proc and what the capture needs besides them.
struct LiveThread {
  ThreadSnapshot snapshot;
  bool on_processor = false;  ///< was running when /proc was read
  std::optional<Address> stack_pointer;
  std::optional<Address> program_counter;
};

/// The clocks that a thread's facts are counted against, read once for many threads.
struct FactsClock {
  std::chrono::nanoseconds boot{0};
  /// By processor: how far the scheduler's clock there (se.exec_start) is ahead of CLOCK_MONOTONIC.
  /// None for a processor that pstuck may not run on, or where the kernel hides the clock.
  std::vector<std::optional<std::chrono::nanoseconds>> scheduler_ahead;
  std::int64_t ticks_per_second = 100;
};
FactsClock read_facts_clock();

/// Reads what /proc tells about one thread, without disturbing it; must come before any stop, which
/// would reset its "last ran" clock. None for a thread that is gone and for io_uring's workers,
/// which never run user code.
std::optional<LiveThread> read_thread_facts(const ProcDirectory& tasks, Tid id,
                                            const FactsClock& clock, bool nested_pid_namespace);

/// Looks at a thread again, without disturbing it.
ThreadLook look_at_thread(const ProcDirectory& tasks, Tid id);

/// The call that the thread is in would return early if the thread were stopped. Looks through
/// `pidfd` at the socket's time-outs: with one set, socket calls do not restart (net/core/sock.c
/// and sock_intr_errno in include/net/sock.h).
bool stop_would_disturb(const Syscall& syscall, const ProcDirectory& process, int pidfd);

}  // namespace pstuck
