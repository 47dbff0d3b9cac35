#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace pstuck::testing {

using Command = std::vector<std::string>;

/// How a command ended, and all that it wrote.
struct Outcome {
  int status = -1;  ///< exit status; -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

/// A child process in a process group of its own, with pipes on its three standard streams.
/// Its destructor ends the whole group: nothing that a test started outlives the test.
class Subprocess {
 public:
  /// `user`: run as this user id instead, which only root can; 0 keeps the own one.
  explicit Subprocess(const Command& command, uid_t user = 0);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Next line of its output, without the line's end; empty at the end or after `limit`.
  std::string read_line(std::chrono::seconds limit = std::chrono::seconds(20));
  void write_line(const std::string& line) const;

  /// Reads both streams to their ends and waits; kills it after `limit`.
  Outcome finish(std::chrono::seconds limit = std::chrono::seconds(60));

  void kill_now() const;

 private:
  bool read_some(int timeout_ms);
  bool try_reap(int options);

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool reaped_ = false;
  int wait_status_ = 0;
  std::string out_text_;
  std::string err_text_;
};

Outcome run(const Command& command, uid_t user = 0);

/// Asks again and again, with a short rest, until it is true; false after `limit`.
template <typename Condition>
bool poll_until(Condition condition, std::chrono::seconds limit = std::chrono::seconds(20)) {
  const auto give_up = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace pstuck::testing
