#pragma once

/// Stacks as data: what symbolize() makes of a snapshot. Standard library only.

#include <optional>
#include <string>
#include <vector>

#include "attach/snapshot.h"

namespace pstuck {

/// A code address that knows whether it is a return address: the call stands one byte before it.
class CodeAddress {
 public:
  static constexpr CodeAddress instruction(Address at) { return CodeAddress(at, false); }
  static constexpr CodeAddress return_address(Address at) { return CodeAddress(at, true); }

  [[nodiscard]] constexpr Address address() const { return address_; }
  [[nodiscard]] constexpr bool is_return_address() const { return is_return_address_; }
  /// The address to look up symbols and lines for.
  [[nodiscard]] constexpr Address for_lookup() const {
    return is_return_address_ ? address_ - 1 : address_;
  }

 private:
  constexpr CodeAddress(Address at, bool is_return) : address_(at), is_return_address_(is_return) {}

  Address address_;
  bool is_return_address_;
};

/// Where code stands in the sources, shared by all frames at the same address.
struct Location {
  std::string function;  ///< demangled; empty when no symbol covers the address
  std::string symbol;    ///< the ELF symbol as it stands in the file; empty for an inlined call
  std::string module;    ///< base name of the ELF file; empty outside all modules
  std::uint64_t module_offset = 0;  ///< of the looked-up address, from the module's start
  std::string file;                 ///< empty without line information
  int line = 0;
  bool inlined = false;  ///< this function was inlined into the next outer frame's
};

struct Frame {
  CodeAddress pc = CodeAddress::instruction({});
  std::size_t location = 0;   ///< index into Stacks::locations
  std::optional<Address> sp;  ///< stack pointer in this frame
  /// RegisterRoles::callee_saved as this frame left them, where the unwinder still knows.
  std::array<std::optional<std::uint64_t>, 6> callee_saved;
  bool interrupted = false;  ///< a signal arrived here: the next inner frame is its handler
};

enum class StackEnd {
  kRoot,           ///< the thread's first function was reached
  kNoCfi,          ///< no unwind information for the last frame
  kMemoryMissing,  ///< stack bytes could not be read
  kLoop,           ///< the stack pointer did not move outwards
  kFrameLimit,
  kNotCaptured,  ///< no registers
};

struct Stack {
  std::vector<Frame> frames;  ///< innermost first; an inlined call is a frame of its own
  StackEnd end = StackEnd::kNotCaptured;
  /// The function that the innermost frame outside libc calls, by decoding its call instruction:
  /// right also when libc is stripped or the call was a tail call. Empty when it cannot be told.
  std::string library_call;
};

/// Two frames of one stack are calls inlined into the same function that was really called.
inline bool is_same_function(const Frame& a, const Frame& b) {
  return a.pc.address() == b.pc.address() && a.sp == b.sp;
}

struct Stacks {
  std::vector<Stack> stacks;  ///< one for each thread of the snapshot, in its order
  std::vector<Location> locations;

  [[nodiscard]] const Location& at(const Frame& frame) const { return locations[frame.location]; }
};

}  // namespace pstuck
