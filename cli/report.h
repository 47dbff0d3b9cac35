#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "analyzers/diagnosis.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// All that a renderer may look at, for one target.
struct Report {
  Snapshot snapshot;  ///< blind spots of all steps are gathered here
  Stacks stacks;
  Diagnosis diagnosis;
};

enum class Format { kText, kJson, kPostmortem };

struct RenderOptions {
  bool all_threads = false;  ///< -a: every thread, in the manner of jstack -l
  bool colour = false;
};

/// Writes all targets' reports in one format. The same reports give the same bytes.
void render(const std::vector<Report>& reports, Format format, const RenderOptions& options,
            std::ostream& out);

/// 1 when a finding says that threads hang, else 0: the status under --exit-code.
int hang_status(const std::vector<Report>& reports);

}  // namespace pstuck
