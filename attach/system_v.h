#pragma once

#include "attach/kernel_facts.h"

namespace pstuck {

/// Of a set of System V semaphores in the process's namespace: those that somebody waits for.
std::vector<SemaphoreFacts> read_semaphores(Tid process, std::int32_t set);

/// None where it may not be read.
std::optional<QueueFacts> read_queue_facts(Tid process, std::int32_t queue);

}  // namespace pstuck
