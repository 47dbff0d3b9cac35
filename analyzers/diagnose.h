#pragma once

#include <functional>
#include <span>

#include "analyzers/diagnosis.h"
#include "analyzers/thread_rules.h"
#include "analyzers/waits/lock_description.h"
#include "symbolize/program.h"

namespace pstuck {

/// Where an analyzer may ask beyond the snapshot; everything asked is about the target's own state.
struct Sources {
  Memory& memory;
  Program& program;
  TaskFinder& tasks;
};

enum class ScanMemory {
  kAuto,  ///< when it is cheap: a core, or little writable memory
  kYes,
  kNo,
};

struct DiagnoseOptions {
  ScanMemory scan_memory = ScanMemory::kAuto;  ///< look for held locks in all writable memory
  std::uint64_t max_memory = std::uint64_t{4} << 30;  ///< bytes that a scan may read
  std::vector<LockDescription> locks;  ///< that files describe; the first that fits counts
  std::vector<ThreadRule> rules;       ///< likewise
  std::function<void(std::size_t done, std::size_t total)> progress;  ///< of a scan; may be empty
};

/// Total: any snapshot, also an empty or nonsensical one, gives a diagnosis.
Diagnosis diagnose(const Snapshot& snapshot, const Stacks& stacks, const Sources& sources,
                   const DiagnoseOptions& options = {});

}  // namespace pstuck
