#pragma once

#include <stdexcept>
#include <string>

namespace pstuck {

enum class ErrorKind {
  kUsage,
  kNoSuchProcess,
  kNotPermitted,
  kAlreadyTraced,
  kExited,
  kZombie,
  kKernelThread,
  kNotACore,
  kUnsupported,
  kMismatch,
  kUnreadable,
  kOutput,
};

/// pstuck cannot go on. Thrown while opening, capturing and writing; caught once, in run_command().
class Error : public std::runtime_error {
 public:
  /// `message` is one sentence without a full stop; `hint` is the next thing to try, may be empty.
  Error(ErrorKind error_kind, const std::string& message, std::string next = {})
      : std::runtime_error(message), kind(error_kind), hint(std::move(next)) {}

  ErrorKind kind;
  std::string hint;
};

}  // namespace pstuck
