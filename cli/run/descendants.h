#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <vector>

#include "attach/ids.h"

namespace pstuck {

/// All processes below this one. Orphans among them become its own children, so that none gets
/// away: who has no child has no descendant.
class Descendants {
 public:
  /// From here on orphans come to this process.
  Descendants();

  /// The child whose end and stops are kept.
  void set_command(pid_t command) { command_ = command; }

  /// Takes in who has ended or stopped. False when nobody is left.
  bool reap();

  /// How the command ended, as waitpid() has it; none while it lives.
  [[nodiscard]] std::optional<int> command_ended() const { return ended_; }

  /// Waits until the command has ended, or for so long. SIGCHLD must be blocked.
  void wait_for_command(std::chrono::milliseconds limit);

  /// The signal that has stopped the command since the last call.
  std::optional<int> take_stop();

  /// Those who live, ascending.
  [[nodiscard]] static std::vector<Tid> list();

  /// Sends it to each of them and to no other process.
  static void signal(int number);

  /// TERM to all; KILL, after a while, to who is left. Whether nobody is: who sleeps
  /// uninterruptibly in the kernel may stay. SIGCHLD must be blocked.
  bool end(std::chrono::milliseconds kill_after);

 private:
  template <typename Done>
  bool wait_until(std::chrono::milliseconds limit, Done done);

  pid_t command_ = -1;
  std::optional<int> ended_;
  std::optional<int> stopped_;
};

}  // namespace pstuck
