#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analyzers/diagnose.h"
#include "attach/open_descriptors.h"
#include "cli/lock_file.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"

namespace pstuck {

/// A target that stays open for later looks, and what was found in it.
struct Looked {
  std::unique_ptr<Target> target;
  Report report;
  bool from_outside = false;  ///< without a stop, stacks and files
};

/// All that can be known of one target: five steps, and for a live target a sixth that confirms
/// them. Throws Error.
Looked look_closely(const std::string& spec, const Options& options, const LockFile& files,
                    OpenDescriptors& descriptors, Progress& progress);

/// What can be known of a process without stopping it and without its files. Throws Error.
Looked look_from_outside(Tid process, OpenDescriptors& descriptors);

/// The same again, of one that is open.
Report look_from_outside(Target& target, OpenDescriptors& descriptors);

}  // namespace pstuck
