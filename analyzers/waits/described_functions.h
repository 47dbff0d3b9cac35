#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "analyzers/program_frames.h"
#include "analyzers/waits/lock_description.h"
#include "symbolize/program.h"

namespace pstuck {

/// Which functions on the stacks are those of locks that files describe. Each is looked at once.
class DescribedFunctions {
 public:
  /// In the order of the descriptions.
  using Locks = std::vector<const LockDescription*>;

  /// All must outlive it.
  DescribedFunctions(std::span<const LockDescription> locks, const ProgramFrames& frames,
                     Program& program)
      : locks_(locks), frames_(frames), program_(program) {}

  [[nodiscard]] bool none() const { return locks_.empty(); }
  /// The locks whose function the frame's own is.
  const Locks& own(const Frame& frame);
  /// The locks whose function the frame calls.
  const Locks& called(const Frame& frame);

 private:
  [[nodiscard]] Locks find(std::string_view function) const;

  std::span<const LockDescription> locks_;
  const ProgramFrames& frames_;
  Program& program_;
  std::unordered_map<std::size_t, Locks> own_;       // by location
  std::unordered_map<std::uint64_t, Locks> called_;  // by return address
};

}  // namespace pstuck
