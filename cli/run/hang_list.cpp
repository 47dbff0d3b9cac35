#include "cli/run/hang_list.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "cli/across_sentences.h"
#include "cli/escape.h"
#include "cli/palette.h"
#include "cli/text_page.h"
#include "cli/words.h"

namespace pstuck {
namespace {

/// The thread whose wait shows a finding best.
std::optional<ThreadIndex> first_thread(const Diagnosis& diagnosis, const Finding& finding) {
  if (finding.cycle) {
    return diagnosis.waits.at(diagnosis.cycles.at(*finding.cycle).waits.at(0)).thread;
  }
  for (const Wait& wait : diagnosis.waits) {
    if (wait.resource == finding.resource) return wait.thread;
  }
  return finding.stuck_behind.empty() ? std::nullopt : std::optional(finding.stuck_behind.front());
}

void set_place(const Labels& labels, ThreadIndex thread, Hang& hang) {
  const ThreadStatus& status = labels.status(thread);
  const Diagnosis& diagnosis = labels.report().diagnosis;
  const auto frame = status.wait ? diagnosis.waits.at(*status.wait).frame : status.frame;
  const Location* const location = labels.location(thread, frame);
  if (location == nullptr || location->file.empty()) return;
  const auto file = std::filesystem::path(location->file).lexically_normal().string();
  constexpr std::size_t kLongestPath = 4096;
  hang.file = printable(file, kLongestPath);
  hang.line = location->line;
}

Hang describe(const Report& report, const Finding& finding) {
  std::ostringstream details;
  const Palette no_colours;
  const TextPage page(report, no_colours, details);
  Hang hang{.word = verdict_word(finding.kind, finding.evidence)};
  hang.sentence = fmt::format("{}: {}", page.sentences.process(), page.sentences.verdict(finding));
  if (finding.cycle) print_cycle(page, report.diagnosis.cycles.at(*finding.cycle));
  print_evidence(page, finding);
  hang.details = std::move(details).str();
  if (const auto thread = first_thread(report.diagnosis, finding)) {
    set_place(page.labels(), *thread, hang);
  }
  return hang;
}

Hang describe(const AcrossSentences& sentences, const CrossCycle& cycle) {
  Hang hang{.word = verdict_word(FindingKind::kDeadlock, cycle.evidence),
            .sentence = sentences.verdict(cycle)};
  for (const ThreadRef& member : cycle.members) {
    hang.details += fmt::format("  {}  {}\n", sentences.member(member), sentences.want(member));
    if (!hang.file.empty()) continue;
    set_place(sentences.of(member.process).labels(), member.thread, hang);
  }
  hang.details += fmt::format("  {}\n", sentences.evidence(cycle));
  return hang;
}

}  // namespace

std::vector<Hang> list_hangs(const Reports& reports) {
  std::vector<Hang> hangs;
  const AcrossSentences sentences(reports);
  for (const CrossCycle& cycle : reports.across.cycles) {
    hangs.push_back(describe(sentences, cycle));
  }
  for (const Report& report : reports.targets) {
    for (const Finding& finding : report.diagnosis.findings) {
      hangs.push_back(describe(report, finding));
    }
  }
  return hangs;
}

}  // namespace pstuck
