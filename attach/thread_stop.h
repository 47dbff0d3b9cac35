#pragma once

#include <chrono>
#include <optional>

#include "attach/registers.h"

namespace pstuck {

/// One thread of the target, seized and asked to stop; runs again at the latest when this object
/// is gone, or when the thread of pstuck that made it ends: the kernel then lets go of all that it
/// traced (kernel/ptrace.c, exit_ptrace). Belongs to the thread that made it.
class ThreadStop {
 public:
  enum class Outcome {
    kSeized,
    kGone,          ///< no such thread any more
    kNotPermitted,  ///< or traced by somebody else
  };

  explicit ThreadStop(Tid thread);
  ThreadStop(ThreadStop&& other) noexcept;
  ~ThreadStop();

  [[nodiscard]] Outcome outcome() const { return outcome_; }

  /// Asks the kernel to stop the thread; returns at once.
  void interrupt();

  /// Whether it stands still by now; does not wait.
  bool has_stopped();

  /// True once the thread stands still; false when it does not before the deadline, or has ended.
  bool wait_until_stopped(std::chrono::steady_clock::time_point deadline);

  /// Lets a stopped thread go on.
  void let_go();

  [[nodiscard]] bool has_ended() const { return ended_; }

  /// Only while stopped. None when the thread was killed meanwhile.
  [[nodiscard]] std::optional<ThreadRegisters> read_registers() const;

 private:
  bool poll();

  Tid thread_;
  Outcome outcome_ = Outcome::kGone;
  bool seized_ = false;
  bool stopped_ = false;
  bool ended_ = false;
  int pending_signal_ = 0;  // taken from the thread by our stop, given back when it goes on
};

}  // namespace pstuck
