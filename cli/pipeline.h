#pragma once

#include <functional>

#include "attach/error.h"
#include "attach/snapshot_file.h"
#include "cli/options.h"
#include "cli/report.h"

namespace pstuck {

/// The whole way from the targets' names to what is reported of them. A target that cannot be
/// looked at goes to `trouble`; the others still get their reports.
Reports look_at(const Options& options, const std::function<void(const Error&)>& trouble);

/// The same, and what was seen on the way, for a file that gives the same reports: its processes
/// and those that could not be looked at.
Reports look_and_save(Options options, const std::function<void(const Error&)>& trouble,
                      SnapshotFile& into);

/// A file of this machine and this version of pstuck, without processes.
SnapshotFile new_snapshot_file();

/// The reports that a snapshot file gives; `path` is where it was read. Throws Error where its
/// names are damaged.
Reports look_at_saved(SnapshotFile file, const std::string& path, const Options& options);

}  // namespace pstuck
