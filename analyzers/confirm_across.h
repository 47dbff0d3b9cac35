#pragma once

#include <span>

#include "analyzers/join.h"
#include "attach/target.h"

namespace pstuck {

/// The threads of one process that must stand still for the cycles and chains to stay, ascending.
std::vector<Tid> find_who_must_stand_still(std::span<const ProcessView> processes,
                                           const Across& across, ProcessIndex process);

/// One process looked at again: its threads of find_who_must_stand_still() twice, and between the
/// two looks what its waits in the kernel name.
struct LaterLook {
  Look first;
  Look second;
  Snapshot snapshot;
  Diagnosis diagnosis;
};

/// Whether all cycles and chains are as they were. `looks` are by process; empty where none was
/// asked for.
bool nothing_moved(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
                   const Across& across);

/// Drops the cycles that moved, and counts them; and chains that moved, and victims that did.
void confirm(std::span<const ProcessView> processes, std::span<const LaterLook> looks,
             Across& across);

}  // namespace pstuck
