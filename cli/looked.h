#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analyzers/diagnose.h"
#include "attach/open_descriptors.h"
#include "attach/recording.h"
#include "attach/snapshot_file.h"
#include "cli/lock_file.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"

namespace pstuck {

/// A target to be looked at.
struct Opened {
  std::unique_ptr<Target> target;
  RecordingTarget* recording = nullptr;  ///< the target, when it remembers what it is asked
  std::vector<std::byte> saved_symbols;  ///< from a snapshot file; else empty
};

/// What the word names, a process or a core; `unpacking` is told how much of a core is unpacked,
/// and may be empty. Throws Error.
Opened open_for_looking(const std::string& spec, const Options& options,
                        std::function<void(std::size_t, std::size_t)> unpacking);

/// A process of a snapshot file.
Opened open_for_looking(SavedProcess saved, const SavedFacts& facts, const Options& options);

/// A target that stays open for later looks, and what was found in it.
struct Looked {
  Opened opened;
  Report report;
  bool from_outside = false;       ///< without a stop, stacks and files
  std::vector<std::byte> symbols;  ///< what its files told, for a snapshot file; else empty
  std::vector<SavedBytes> asked;   ///< what the diagnosis read, stacks included; likewise
};

/// All that can be known of one target: five steps, and for a live target a sixth that confirms
/// them. Throws Error.
Looked look_closely(Opened opened, const Options& options, const LockFile& files,
                    OpenDescriptors& descriptors, Progress& progress);

/// What can be known of a process without stopping it and without its files. Throws Error.
Looked look_from_outside(Opened opened, OpenDescriptors& descriptors);

/// The same again, of one that is open.
Report look_from_outside(Target& target, OpenDescriptors& descriptors);

}  // namespace pstuck
