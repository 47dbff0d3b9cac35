#pragma once

#include "cli/commands.h"

namespace pstuck {

/// `pstuck triage DIR...`: groups reports, snapshots and cores by what hangs.
class Triage final : public Command {
 public:
  Triage();
  int run() override;

 private:
  std::string format_ = "text";
  std::string output_;
  std::string executable_;
};

}  // namespace pstuck
