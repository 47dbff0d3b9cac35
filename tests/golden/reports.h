#pragma once

/// Reports made by hand, for the tests of the renderers: no process and no analyzer made them.

#include <string>
#include <vector>

#include "cli/report.h"

namespace pstuck::golden {

/// Two threads in a cycle, seven stacked behind them, some idle ones.
Report two_lock_deadlock();
/// A thread that wants a normal mutex which it holds; read-locked by nobody else.
Report self_deadlock();
/// A cycle with a timed wait, a join and a recursive mutex.
Report timed_deadlock();
/// Two cycles in one process.
Report two_deadlocks();
/// A lock whose owner has exited.
Report owner_exited();
/// A lock that a thread of the parent held at the fork.
Report fork_inherited();
/// A lock whose owner's id was given to a new thread.
Report owner_recycled();
/// Three pile-ups, one behind the other, in front of a thread that sleeps.
Report chain();
/// A server that waits for work, and everything that pstuck could not see of it.
Report healthy();
/// Three threads in a circle, and locks of every kind, found and attributed in every way.
Report held_locks();
/// Names that try to move the cursor, to turn text around and to leave Markdown and JSON.
Report hostile_names();
/// A writer and two readers of a rwlock, which records no readers, in two modules; a barrier.
Report reader_deadlock();
/// Every thread waits for another one, and nobody is left to act.
Report all_asleep();
/// A child of a fork that waits for a semaphore which likely the parent took.
Report forked_semaphore();
/// A holder that waits for a server, and a thread that waits for a file lock of another process.
Report root_in_the_kernel();
/// Two threads and a deadlock that must move first; one of the threads frees nobody alone.
Report several_roots();
/// A server with parked threads, and one that waits in the server's own lock table.
Report own_lock_table();
/// A holder that runs, and others that do, seen in several looks.
Report running_holder();
/// A process and its child, which only it waits for, in a deadlock; a thread behind them.
Reports processes_deadlock();
/// The two-lock deadlock as a core shows it: no clocks, no second look.
Report core_deadlock();
/// The same out of a saved snapshot.
Report saved_deadlock();
/// Nothing at all.
Report empty();

struct NamedReports {
  std::string name;
  Reports reports;
};

/// All of them, under the names of their golden files.
std::vector<NamedReports> all_reports();

}  // namespace pstuck::golden
