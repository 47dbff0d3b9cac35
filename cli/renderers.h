#pragma once

#include <iosfwd>
#include <vector>

#include "cli/palette.h"
#include "cli/report.h"

namespace pstuck {

/// One target on one screen: the verdict, its proof, the rest. `in_deadlock`: render_across() told
/// of it, so it is not called calm.
void render_text(const Report& report, bool in_deadlock, const Palette& palette, std::ostream& out);

/// Whether render_text() would have nothing to tell but what each thread does.
bool is_calm(const Report& report);

/// Several calm targets, a line each, or for many that do the same; nothing where there are none.
void render_calm(const std::vector<const Report*>& reports, const Palette& palette,
                 std::ostream& out);

/// The deadlocks that go over several processes, with their proof; nothing where there are none.
void render_across(const Reports& reports, const Palette& palette, std::ostream& out);

/// The processes that could not be looked at; nothing where there are none.
void render_unseen(const std::vector<UnseenProcess>& unseen, const Palette& palette,
                   std::ostream& out);

/// Every thread of one target, in the manner of jstack -l, then what was found.
void render_threads(const Report& report, bool in_deadlock, const Palette& palette,
                    std::ostream& out);

/// One document as report.schema.json describes it, in ASCII.
void render_json(const Reports& reports, std::ostream& out);

/// One target as a Markdown skeleton with eight sections.
void render_postmortem(const Reports& reports, ProcessIndex target, std::ostream& out);

}  // namespace pstuck
