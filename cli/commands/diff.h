#pragma once

#include "cli/commands.h"

namespace pstuck {

/// `pstuck diff A B`: who moved between two looks at one process, and who did not.
class Diff final : public Command {
 public:
  Diff();
  int run() override;

 private:
  std::string output_;
  bool all_threads_ = false;
};

}  // namespace pstuck
