#include "analyzers/held/source.h"

namespace pstuck {
namespace {

// The most trusted first. Their order does not change what is found: of several finds of one lock
// the most trusted counts.
constexpr HeldSource kTable[] = {
    find_waited_for_locks,   find_robust_locks,      find_file_locks,
    find_locks_in_variables, find_locks_by_pointers, find_locks_in_memory,
};

}  // namespace

std::span<const HeldSource> held_sources() { return kTable; }

}  // namespace pstuck
