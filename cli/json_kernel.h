#pragma once

#include "cli/json_values.h"
#include "cli/report.h"

namespace pstuck {

/// null for a call that names none.
Json json_of_syscall(std::int64_t number);

Json json_of_deadline(const std::optional<Deadline>& deadline);

/// What a thread waits for that sleeps in the kernel.
Json json_of_kernel_wait(const KernelWait& wait, const Snapshot& snapshot);

Json json_of_process(const OtherProcess& process);

}  // namespace pstuck
