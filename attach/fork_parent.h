#pragma once

#include <optional>
#include <string_view>

#include "attach/memory.h"
#include "attach/proc_files.h"

namespace pstuck {

/// AT_RANDOM of /proc/PID/auxv: where a program finds the random bytes that the kernel gave it.
std::optional<Address> parse_random_address(std::string_view auxv);

/// The parent that a process is a copy of; only while it lives.
class ForkParent {
 public:
  /// Proves it by the 16 random bytes that each execution of a program gets: that of the process,
  /// in /proc/PID, has those of its parent's. `memory`: the process's.
  static std::optional<ForkParent> find(const ProcDirectory& process, Memory& memory, Tid parent);

  [[nodiscard]] const ForkedFrom& facts() const { return facts_; }

  /// What the parent has now where the process got a copy of it. False where the parent has no
  /// private memory there, or where it could not be read.
  bool read(Address from, std::span<std::byte> into) const;

 private:
  ForkParent() = default;

  ForkedFrom facts_;
  Descriptor memory_;
  std::vector<Mapping> mappings_;
};

}  // namespace pstuck
