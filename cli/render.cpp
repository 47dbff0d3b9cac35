#include <algorithm>
#include <array>
#include <ostream>
#include <set>

#include "cli/across_sentences.h"
#include "cli/palette.h"
#include "cli/renderers.h"
#include "cli/report.h"

namespace pstuck {
namespace {

using Renderer = void (*)(const Reports&, const RenderOptions&, std::ostream&);

/// A deadlock over processes that was told above has all its threads, and there is no more to it.
bool is_told_whole(const Reports& reports, ProcessIndex target) {
  const Report& report = reports.targets[target];
  std::set<ThreadIndex> told;
  for (const CrossCycle* const cycle : cycles_with(reports.across, target)) {
    for (const ThreadRef& member : cycle->members) {
      if (member.process == target) told.insert(member.thread);
    }
  }
  return told.size() == report.snapshot.threads.size() && is_calm(report);
}

/// The targets that get no page of their own: many calm ones would hide the others.
std::vector<const Report*> find_calm_crowd(const Reports& reports) {
  std::vector<const Report*> calm;
  for (ProcessIndex i = 0; i < reports.targets.size(); ++i) {
    const bool in_deadlock = !cycles_with(reports.across, i).empty();
    if (!in_deadlock && is_calm(reports.targets[i])) calm.push_back(&reports.targets[i]);
  }
  constexpr std::size_t kCrowd = 5;
  if (calm.size() < kCrowd) calm.clear();
  return calm;
}

/// The targets that get a page of their own, those that hang first.
std::vector<ProcessIndex> order_pages(const Reports& reports, const RenderOptions& options,
                                      const std::vector<const Report*>& crowd) {
  const auto& targets = reports.targets;
  std::vector<ProcessIndex> pages;
  for (ProcessIndex i = 0; i < targets.size(); ++i) {
    if (std::ranges::find(crowd, &targets[i]) != crowd.end()) continue;
    if (!options.all_threads && targets.size() > 1 && is_told_whole(reports, i)) continue;
    pages.push_back(i);
  }
  std::stable_partition(pages.begin(), pages.end(),
                        [&](ProcessIndex i) { return !targets[i].diagnosis.findings.empty(); });
  return pages;
}

void render_texts(const Reports& reports, const RenderOptions& options, std::ostream& out) {
  const Palette palette = options.colour ? kTerminalPalette : Palette{};
  render_across(reports, palette, out);
  const auto& targets = reports.targets;
  std::vector<const Report*> crowd;
  if (!options.all_threads) crowd = find_calm_crowd(reports);
  bool is_first = true;
  for (const ProcessIndex i : order_pages(reports, options, crowd)) {
    out << (is_first ? "" : "\n");
    is_first = false;
    if (targets.size() > 1) {
      out << palette.paint(palette.head, "==> " + Labels(targets[i]).process() + " <==") << "\n\n";
    }
    const bool in_deadlock = !cycles_with(reports.across, i).empty();
    (options.all_threads ? render_threads : render_text)(targets[i], in_deadlock, palette, out);
  }
  if (!crowd.empty() && !is_first) out << '\n';
  render_calm(crowd, palette, out);
  render_unseen(reports.unseen, palette, out);
}

void render_document(const Reports& reports, const RenderOptions& /*options*/, std::ostream& out) {
  render_json(reports, out);
}

void render_postmortems(const Reports& reports, const RenderOptions& /*options*/,
                        std::ostream& out) {
  for (ProcessIndex i = 0; i < reports.targets.size(); ++i) {
    if (i > 0) out << "\n---\n\n";
    render_postmortem(reports, i, out);
  }
}

struct Row {
  Format format;
  Renderer render;
};

constexpr std::array kRenderers{
    Row{Format::kText, render_texts},
    Row{Format::kJson, render_document},
    Row{Format::kPostmortem, render_postmortems},
};

}  // namespace

void render(const Reports& reports, Format format, const RenderOptions& options,
            std::ostream& out) {
  for (const Row& row : kRenderers) {
    if (row.format == format) row.render(reports, options, out);
  }
}

int hang_status(const Reports& reports) {
  const bool hangs = std::ranges::any_of(
      reports.targets, [](const Report& report) { return !report.diagnosis.findings.empty(); });
  return hangs || !reports.across.cycles.empty() ? 1 : 0;
}

}  // namespace pstuck
