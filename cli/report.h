#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "analyzers/across.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// What was found in one process.
struct Report {
  Snapshot snapshot;  ///< blind spots of all steps are gathered here
  Stacks stacks;
  Diagnosis diagnosis;
  /// Of the processes that its waits name, as far as they were looked at too; not owned.
  std::vector<const Report*> neighbours;
};

/// A process that was to be looked at, but could not be.
struct UnseenProcess {
  Tid pid;
  std::string why;  ///< one sentence without a full stop
};

/// All that a renderer may look at. Its reports stay where they are, for their neighbours' sake.
struct Reports {
  std::vector<Report> targets;   ///< that were asked for
  std::vector<Report> followed;  ///< that these wait for: looked at without a stop, not symbolized
  std::vector<UnseenProcess> unseen;  ///< of those that were chosen by --all and the like
  Across across;  ///< of both: ProcessIndex counts the targets, then the followed

  [[nodiscard]] const Report& process(ProcessIndex index) const {
    return index < targets.size() ? targets[index] : followed.at(index - targets.size());
  }
  [[nodiscard]] std::size_t size() const { return targets.size() + followed.size(); }
};

enum class Format { kText, kJson, kPostmortem };

struct RenderOptions {
  bool all_threads = false;  ///< -a: every thread, in the manner of jstack -l
  bool colour = false;
};

/// Writes all targets' reports in one format. The same reports give the same bytes.
void render(const Reports& reports, Format format, const RenderOptions& options, std::ostream& out);

/// 1 when a finding says that threads hang, else 0: the status under --exit-code.
int hang_status(const Reports& reports);

}  // namespace pstuck
