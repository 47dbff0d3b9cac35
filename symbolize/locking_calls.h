#pragma once

#include <memory>
#include <span>
#include <vector>

#include "symbolize/function_ranges.h"
#include "symbolize/lines.h"
#include "symbolize/own_lock_functions.h"
#include "symbolize/program.h"

namespace pstuck {

/// Finds the frames that took a lock, or have to do with it in other ways, by their machine code.
class LockingCalls {
 public:
  /// All must outlive it. `lines` is null when lines are not wanted.
  LockingCalls(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
               FunctionRanges& ranges, SourceLines* lines, std::span<const OwnLockFunction> own);
  ~LockingCalls();
  LockingCalls(const LockingCalls&) = delete;
  LockingCalls& operator=(const LockingCalls&) = delete;

  /// As Program::find_locking_calls().
  std::vector<LockingCall> find(const Stacks& stacks, std::size_t thread, Address lock);

  /// As Program::find_argument().
  std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                             std::size_t frame, std::size_t number);

  /// As Program::find_uses().
  std::vector<ObjectUse> find_uses(const Stacks& stacks, std::span<const Address> objects);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
