#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"

namespace pstuck {

/// The command line of `pstuck watch`, understood.
struct WatchRequest {
  std::vector<Tid> processes;
  std::chrono::milliseconds every = std::chrono::seconds(30);
  std::chrono::milliseconds stands_for = std::chrono::minutes(2);
  bool until_stuck = false;
  std::string artifacts;  ///< pattern of a directory's name; empty: none
  std::string exec;       ///< for the shell; may be empty
  Options looking;
};

/// `pstuck watch PID...`: silent until something hangs.
class Watch final : public Command {
 public:
  Watch();
  int run() override;

  /// The command line, understood. Throws Error with kUsage.
  WatchRequest request();

 private:
  OptionWords words_;
  WatchRequest request_;
  std::string every_ = "30s";
  std::string stands_for_ = "2m";
};

}  // namespace pstuck
