#pragma once

#include <optional>

#include "analyzers/diagnosis.h"
#include "analyzers/waits/futex_call.h"

namespace pstuck {

/// When a timed futex wait ends; none for an untimed one and when its timespec cannot be used.
std::optional<Deadline> read_deadline(const FutexCall& call, const ThreadSnapshot& thread,
                                      const Snapshot& snapshot, Memory& memory);

/// When a call other than a futex call ends at the latest: one that sleeps, or has a time limit.
/// `number` is the call's, its restarts resolved.
std::optional<Deadline> read_call_deadline(std::int64_t number, const ThreadSnapshot& thread,
                                           const Snapshot& snapshot, Memory& memory);

/// When a wait ends that began when the thread last ran, and may take this long.
Deadline deadline_after(std::chrono::nanoseconds length, const ThreadSnapshot& thread,
                        const Snapshot& snapshot);

}  // namespace pstuck
