#pragma once

#include <csignal>
#include <optional>

#include "attach/descriptor.h"

namespace pstuck {

/// Signals as something to be read, not to be interrupted by: SIGCHLD, and those that pstuck passes
/// on to the command. From the constructor on they are blocked, and SIGPIPE is ignored. A forked
/// child reads its own.
class Signals {
 public:
  Signals();

  /// Readable when next() has one.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }

  /// The next one that came; none when there is none.
  [[nodiscard]] std::optional<int> next() const;

  /// As they were before: for a command that is about to be executed.
  void restore() const;

 private:
  Descriptor descriptor_;
  sigset_t mask_before_{};
  struct sigaction pipe_before_ {};
};

/// What this signal does to a process that does not catch it, to this process.
void suffer(int signal);

}  // namespace pstuck
