#pragma once

#include <chrono>
#include <functional>

#include "attach/descriptor.h"
#include "cli/run/signals.h"

namespace pstuck {

/// What the process that does the work tells the one in front of it.
class GuardChannel {
 public:
  explicit GuardChannel(Descriptor write_end) : write_end_(std::move(write_end)) {}

  /// From here on the command's end is that of one that took too long.
  void tell_limit_passed() const;

  /// How all has ended, as waitpid() has it.
  void tell_end(int wait_status) const;

 private:
  Descriptor write_end_;
};

/// Does `work` in a process of its own, so that nothing which it starts outlives pstuck: when this
/// process is killed, that one gets SIGTERM; when that one is, this one ends all that is left of
/// it. Both have the signals: this one passes on what it gets, and stops when that one does.
/// `work` returns how all has ended, as waitpid() has it, and so does this function.
int work_guarded(const Signals& signals, std::chrono::milliseconds kill_after,
                 const std::function<int(const GuardChannel&)>& work);

/// As exit(3) has it: 3 is status 3.
int exited_with(int status);

}  // namespace pstuck
