#pragma once

#include <memory>

#include "attach/memory.h"
#include "symbolize/modules.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// Walks threads' stacks with the modules' unwind tables.
class Unwinder {
 public:
  /// Modules and memory must outlive it; `max_frames` as in SymbolizeOptions. One at a time for
  /// the same modules.
  Unwinder(LoadedModules& modules, Memory& memory, std::size_t max_frames);
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  /// Physical frames only, without locations.
  Stack unwind(const ThreadSnapshot& thread);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
