#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace pstuck {

/// One line on standard error that says how far long work is; nothing where that is no terminal,
/// and nothing when the work is done before anyone would wonder. Gone when this object is.
class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// A callback that shows "WHAT  12 of 345", or "WHAT  12" where the total is 0: not known.
  std::function<void(std::size_t, std::size_t)> step(std::string what);

 private:
  void show(const std::string& what, std::size_t done, std::size_t total);

  bool on_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace pstuck
