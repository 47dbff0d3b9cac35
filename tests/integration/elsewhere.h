#pragma once

#include <filesystem>

#include "tests/integration/subprocess.h"

namespace pstuck::testing {

/// Another machine: a root directory with pstuck and the libraries that it is linked with, these at
/// other paths than usual, and nothing else; no /proc. Deleted at the end.
class Elsewhere {
 public:
  Elsewhere();
  ~Elsewhere();
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  /// Why there is none, as where chroot is not permitted; else empty.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }

  /// Where a file is, as this machine sees it, that pstuck sees there as /NAME.
  [[nodiscard]] std::string path(const std::string& name) const { return root_ / name; }

  /// Runs pstuck there.
  [[nodiscard]] Outcome run_pstuck(const Command& words) const;

 private:
  std::filesystem::path root_;
  std::string why_not_;
};

}  // namespace pstuck::testing
