#pragma once

#include "cli/commands.h"
#include "cli/options.h"

namespace pstuck {

/// `pstuck TARGET...`: the main job.
class Diagnose final : public Command {
 public:
  Diagnose();
  int run() override;

  /// The command line, understood. Throws Error with kUsage.
  Options options();

 private:
  OptionWords words_;
};

}  // namespace pstuck
