#pragma once

#include <array>
#include <memory>
#include <optional>

#include "symbolize/modules.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// The frame outside one whose code has no unwind table.
struct CallerFrame {
  Address return_address;
  Address sp;
  /// RegisterRoles::callee_saved as the caller had them, where that is known.
  std::array<std::optional<std::uint64_t>, 6> callee_saved;
  bool is_root = false;  ///< there is none: the thread began here; the rest is not set
  /// The frame asked about was a signal's trampoline: its caller was interrupted, and the address
  /// is that of the next instruction.
  bool interrupted = false;
};

/// Steps outwards by what the machine code does to the stack.
class CodeUnwinder {
 public:
  /// Both must outlive it.
  CodeUnwinder(LoadedModules& modules, Memory& memory);
  ~CodeUnwinder();
  CodeUnwinder(const CodeUnwinder&) = delete;
  CodeUnwinder& operator=(const CodeUnwinder&) = delete;

  /// The caller of a frame; none where the code does not prove it.
  std::optional<CallerFrame> find_caller(const Frame& frame);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
