#pragma once

#include <optional>

#include "analyzers/diagnosis.h"
#include "analyzers/waits/futex_call.h"

namespace pstuck {

/// When a timed futex wait ends; none for an untimed one and when its timespec cannot be used.
std::optional<Deadline> read_deadline(const FutexCall& call, const ThreadSnapshot& thread,
                                      const Snapshot& snapshot, Memory& memory);

}  // namespace pstuck
