#pragma once

#include <iosfwd>
#include <vector>

#include "cli/palette.h"
#include "cli/report.h"

namespace pstuck {

/// One target on one screen: the verdict, its proof, the rest.
void render_text(const Report& report, const Palette& palette, std::ostream& out);

/// Every thread of one target, in the manner of jstack -l, then what was found.
void render_threads(const Report& report, const Palette& palette, std::ostream& out);

/// One document as report.schema.json describes it, in ASCII.
void render_json(const std::vector<Report>& reports, std::ostream& out);

/// One target as a Markdown skeleton with eight sections.
void render_postmortem(const Report& report, std::ostream& out);

}  // namespace pstuck
