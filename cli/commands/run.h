#pragma once

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/run/run_request.h"

namespace pstuck {

/// `pstuck run -- COMMAND...`: timeout(1) that says what hangs.
class Run final : public Command {
 public:
  Run();
  int run() override;
  [[nodiscard]] int trouble_status() const override;

  /// The command line, understood. Throws Error with kUsage.
  RunRequest request();

 private:
  OptionWords words_;
  std::string timeout_;
  std::string quiet_;
  std::string kill_after_ = "10s";
  std::string budget_ = "60s";
  std::string artifacts_;
  std::string cores_;
  std::string junit_;
};

}  // namespace pstuck
