#pragma once

#include "cli/commands.h"
#include "cli/options.h"

namespace pstuck {

/// `pstuck capture TARGET... -o FILE`: saves a snapshot for later and for elsewhere.
class Capture final : public Command {
 public:
  Capture();
  int run() override;

 private:
  OptionWords words_;
  std::string output_;
  bool redact_ = false;
};

}  // namespace pstuck
