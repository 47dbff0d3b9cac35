#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attach/memory.h"
#include "symbolize/dwarf_types.h"
#include "symbolize/modules.h"

namespace pstuck {

/// A lock in a thread's own copy of a thread_local variable.
struct ThreadLocalLock {
  std::string variable;  ///< qualified: "app::t_state"
  std::string variable_type;
  MemberPath member;
  Address start;  ///< of the variable
  std::string file;
  int line = 0;
};

/// Thread-local variables of the program itself; those of libraries are allocated where only the
/// loader knows.
class ThreadLocals {
 public:
  ThreadLocals(const Snapshot& snapshot, LoadedModules& modules, Memory& memory, DwarfTypes& types);
  ~ThreadLocals();

  std::optional<ThreadLocalLock> find(const ThreadSnapshot& thread, Address lock);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
