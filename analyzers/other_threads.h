#pragma once

#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// Groups the threads that are not spoken of elsewhere. Every thread is in a cycle, or behind a
/// mutex in a pile-up of threads that are not all parked for work, or in some
/// Finding::stuck_behind, or else in exactly one of these groups; so a holder that waits for
/// nothing is in one, and a thread that only joins another.
std::vector<ThreadGroup> group_other_threads(const Diagnosis& diagnosis);

}  // namespace pstuck
