#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "cli/run/descendants.h"
#include "cli/run/guard.h"
#include "cli/run/output_watch.h"
#include "cli/run/run_request.h"
#include "cli/run/signals.h"
#include "cli/run/terminal.h"

namespace pstuck {

/// Runs the command, and ends it with all that it started when it takes too long: after a look at
/// what hangs.
class Keeper {
 public:
  Keeper(const RunRequest& request, const Signals& signals);

  /// Returns how it ended, as waitpid() has it. Throws Error. The object must live to the end of
  /// the process.
  int run(const GuardChannel& channel);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Woken { kEnded, kTerminated, kTimeout, kQuiet };

  bool start();
  Woken watch();
  int end_late(Woken why);
  void diagnose(Woken why);
  [[nodiscard]] std::optional<Clock::time_point> next_limit() const;
  void wait_for_event(std::optional<Clock::time_point> until);
  void take(int signal);
  void take_stop(int signal);
  void take_terminal_back();
  [[nodiscard]] std::chrono::milliseconds ran() const;
  void record(int wait_status) const;
  void end_all();

  const RunRequest& request_;
  const Signals& signals_;
  pid_t group_in_front_;
  Terminal terminal_;
  Descendants descendants_;
  std::unique_ptr<OutputWatch> output_;  ///< with --quiet
  pid_t command_ = -1;
  int failed_to_start_ = 0;
  Clock::time_point started_;
  Clock::duration stood_still_{0};  ///< while the job was stopped, its time does not count
  bool terminated_ = false;
  bool looking_ = false;  ///< waitpid() would take away the stops of threads that are looked at
  Descriptor looked_;     ///< an eventfd
};

}  // namespace pstuck
