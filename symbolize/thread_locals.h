#pragma once

#include <optional>
#include <vector>

#include "attach/memory.h"
#include "symbolize/modules.h"

namespace pstuck {

/// A place in some thread's copy of a module's thread-local variables.
struct ThreadLocalPlace {
  std::size_t module = 0;
  std::uint64_t offset = 0;  ///< from the beginning of the copy, as the module's symbols count
};

/// Finds the thread-local variables of the program itself; a library's are not found. The snapshot,
/// the modules and the memory must outlive it.
class ThreadLocals {
 public:
  ThreadLocals(const Snapshot& snapshot, LoadedModules& modules, Memory& memory)
      : snapshot_(snapshot), modules_(modules), memory_(memory) {}

  std::optional<ThreadLocalPlace> find(Address at);

 private:
  void find_copies();

  const Snapshot& snapshot_;
  LoadedModules& modules_;
  Memory& memory_;
  bool looked_ = false;
  std::size_t program_ = 0;      // the program's module
  std::uint64_t size_ = 0;       // of a copy
  std::vector<Address> copies_;  // one a thread, ascending
};

}  // namespace pstuck
