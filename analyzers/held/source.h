#pragma once

/// One file for each place where held locks are found; table.cpp lists them.

#include <span>
#include <vector>

#include "analyzers/diagnose.h"
#include "analyzers/held/lock_bytes.h"

namespace pstuck {

/// All that may be asked while held locks are looked for.
struct HeldSearch {
  const Snapshot& snapshot;
  const Stacks& stacks;
  const HeldLockTest& test;
  const Sources& sources;
  const DiagnoseOptions& options;
  const Diagnosis& diagnosis;  ///< as far as it is: its threads, waits, and their resources
  std::span<const AddressRange> objects;  ///< find_object_memory()
};

struct HeldFinds {
  std::vector<SeenLock> locks;  ///< in any order, any of them more than once
  std::vector<BlindSpot> blind_spots;
};

/// Appends what it finds. Total: memory may hold anything, and may change at any time.
using HeldSource = void (*)(const HeldSearch& search, HeldFinds& finds);

void find_waited_for_locks(const HeldSearch& search, HeldFinds& finds);
void find_robust_locks(const HeldSearch& search, HeldFinds& finds);
void find_file_locks(const HeldSearch& search, HeldFinds& finds);
void find_locks_in_variables(const HeldSearch& search, HeldFinds& finds);
void find_locks_by_pointers(const HeldSearch& search, HeldFinds& finds);
void find_locks_in_memory(const HeldSearch& search, HeldFinds& finds);

std::span<const HeldSource> held_sources();

}  // namespace pstuck
