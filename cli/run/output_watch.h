#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "attach/descriptor.h"
#include "cli/run/start.h"

namespace pstuck {

using LastOutput = std::atomic<std::chrono::steady_clock::time_point>;

/// Takes what comes out of one descriptor to another one, in a thread of its own.
class OutputPump {
 public:
  /// For the command's `streams`, which all lead to `sink`: by a pipe, or by a pseudo-terminal
  /// where `sink` is a terminal, so that the command still finds one. Throws Error.
  OutputPump(std::vector<int> streams, int sink);

  /// What the command gets.
  [[nodiscard]] std::vector<Stream> streams() const;

  /// When the command has been started.
  void start(LastOutput& last);

  /// Takes on what was written until now. Does not wait for the end of the output: a process that
  /// the command left behind may hold it open. A reader that does not read is waited for until
  /// `limit`; then the object must live to the end of the process.
  void finish(std::optional<std::chrono::milliseconds> limit);

  /// The pseudo-terminal becomes as large as the terminal.
  void resize();

 private:
  void open_pipe();
  void open_terminal();
  void pump(LastOutput& last);
  [[nodiscard]] bool wait_for_output() const;
  bool pass_on(LastOutput& last);

  std::vector<int> streams_;
  int sink_;
  bool is_terminal_;
  std::mutex closes_source_;
  Descriptor source_;
  Descriptor command_end_;
  Descriptor finish_;  ///< an eventfd
  std::binary_semaphore done_{0};
  std::thread thread_;
};

/// The command's standard output and standard error, and when something was last written there.
class OutputWatch {
 public:
  /// Throws Error.
  OutputWatch();

  [[nodiscard]] std::vector<Stream> streams() const;
  void start();
  [[nodiscard]] std::chrono::steady_clock::time_point last() const { return last_; }
  void finish(std::optional<std::chrono::milliseconds> limit);
  void resize();

 private:
  LastOutput last_{std::chrono::steady_clock::now()};
  std::vector<std::unique_ptr<OutputPump>> pumps_;
};

}  // namespace pstuck
