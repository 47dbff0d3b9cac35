#pragma once

#include <sys/types.h>

#include "attach/descriptor.h"

namespace pstuck {

/// The terminal that the process was started at, where there is one. One process group at a time
/// has it: who else reads from it is stopped.
class Terminal {
 public:
  Terminal();

  [[nodiscard]] bool exists() const { return descriptor_.is_open(); }

  /// From the group that has it to another one. False when another group than `from` has it.
  bool hand_over(pid_t from, pid_t to) const;

 private:
  Descriptor descriptor_;
};

}  // namespace pstuck
