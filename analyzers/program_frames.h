#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "attach/memory.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// Whose code a frame runs.
enum class FrameOwner {
  kLibc,  ///< libc, libpthread, the dynamic linker, the vdso, what intercepts their calls
  /// libstdc++ or libc++, also where their headers were inlined or instantiated; libgomp; Rust's.
  kCppRuntime,
  kProgram,
};

/// What the module's base name tells; in a static binary libc's code is the program's by it.
FrameOwner owner_of_module(std::string_view module);

enum class LibcKind { kGlibc, kMusl, kStaticOrNone };

/// As far as the modules' names tell.
LibcKind find_libc(const Snapshot& snapshot);

/// Also knows musl in a static program, by what it keeps where a thread's pointer points to.
LibcKind find_libc(const Snapshot& snapshot, Memory& memory);

/// Whether a name begins with one of these.
bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes);

/// Without "__", "__GI_", "@GLIBC_2.2.5", ".cold" and the like: glibc has many names for one
/// function, and symbol tables pick any of them.
std::string_view plain_libc_name(std::string_view name);

/// Tells the program's own frames from those of its runtime.
class ProgramFrames {
 public:
  /// Both must outlive it.
  ProgramFrames(const Snapshot& snapshot, const Stacks& stacks);
  ProgramFrames(const Snapshot& snapshot, const Stacks& stacks, LibcKind libc);

  [[nodiscard]] FrameOwner owner(const Frame& frame) const;
  /// Index of the innermost frame of the program's own.
  [[nodiscard]] std::optional<std::size_t> innermost(const Stack& stack) const;
  /// Locations of the program's frames, innermost first; of all frames if none is the program's.
  [[nodiscard]] std::vector<std::size_t> functions(const Stack& stack) const;
  /// The same number for locations in the same function: lines do not count.
  [[nodiscard]] std::size_t function_id(std::size_t location) const;
  /// Empty for a frame whose location does not exist.
  [[nodiscard]] const Location& location(const Frame& frame) const;
  /// Its function's name, or else the symbol's; empty without either.
  [[nodiscard]] std::string_view name(const Frame& frame) const;
  [[nodiscard]] LibcKind libc() const { return libc_; }

 private:
  const Stacks& stacks_;
  LibcKind libc_;
  std::vector<FrameOwner> owners_;         // by location
  std::vector<std::size_t> function_ids_;  // by location
};

}  // namespace pstuck
