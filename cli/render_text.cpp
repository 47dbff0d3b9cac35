#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "analyzers/resources.h"
#include "analyzers/thread_rules.h"
#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/text_page.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kFullFindings = 8;
constexpr std::size_t kStacksOfACycle = 8;
constexpr std::size_t kFramesOfAStack = 12;
constexpr std::size_t kFramesOutsideAWait = 4;
constexpr std::size_t kShownRoots = 5;
constexpr std::size_t kShownPileUps = 10;
constexpr std::size_t kShownSampled = 8;
constexpr std::size_t kShownOthers = 12;

/// Enough of a stack to see the wait, its callers, and where the finding's lock was taken.
void print_stack(const TextPage& page, ThreadIndex thread, std::optional<ResourceIndex> held) {
  const ThreadStatus& status = page.labels().status(thread);
  std::size_t count = kFramesOfAStack;
  if (status.wait) {
    const auto frame = page.report.diagnosis.waits.at(*status.wait).frame;
    count = std::max(count, frame.value_or(0) + kFramesOutsideAWait);
  }
  const FrameRange range = range_with_lock(page, {thread, 0, count, "    ", true}, held);
  page.out << "\n  " << page.sentences.thread(thread) << '\n';
  print_frames(page, range);
  print_other_locks(page, range, held);
}

void print_deadlock(const TextPage& page, const Finding& finding) {
  const Diagnosis& diagnosis = page.report.diagnosis;
  const Cycle& cycle = diagnosis.cycles.at(finding.cycle.value_or(0));
  print_cycle(page, cycle);
  page.out << '\n';
  print_evidence(page, finding);
  for (std::size_t i = 0; i < cycle.waits.size() && i < kStacksOfACycle; ++i) {
    print_stack(page, diagnosis.waits.at(cycle.waits[i]).thread,
                diagnosis.waits.at(page.labels().awaited_by(cycle, i)).resource);
  }
}

const PileUp* find_pile_up(const Diagnosis& diagnosis, std::optional<ResourceIndex> resource) {
  const auto found =
      std::find_if(diagnosis.pile_ups.begin(), diagnosis.pile_ups.end(),
                   [&](const PileUp& pile_up) { return pile_up.resource == resource; });
  return found == diagnosis.pile_ups.end() ? nullptr : &*found;
}

void print_stuck(const TextPage& page, const Finding& finding) {
  const Diagnosis& diagnosis = page.report.diagnosis;
  if (finding.kind == FindingKind::kStalledHolder) {
    print_holder(page, finding.resource.value_or(0));
    page.out << '\n';
  }
  print_evidence(page, finding);
  if (!finding.resource) return;
  const PileUp* const pile_up = find_pile_up(diagnosis, finding.resource);
  if (pile_up == nullptr || pile_up->waits.empty()) return;
  page.out << "\n  " << count_words(pile_up->waits.size(), "thread waits", "threads wait")
           << " for " << page.sentences.lock(pile_up->resource) << '\n';
  print_groups(page, pile_up->groups);
  print_stack(page, diagnosis.waits.at(pile_up->waits.at(0)).thread, {});
}

void print_findings(const TextPage& page) {
  const auto& findings = page.report.diagnosis.findings;
  const bool several = findings.size() > 1;
  if (several) {
    page.out << page.sentences.process() << ": "
             << page.palette.paint(page.palette.bad, page.sentences.count()) << "\n\n";
  }
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (i > 0) page.out << '\n';
    print_verdict(page, findings[i], several ? "" : page.sentences.process());
    if (i >= kFullFindings) continue;
    page.out << '\n';
    const bool deadlock = findings[i].kind == FindingKind::kDeadlock;
    (deadlock ? print_deadlock : print_stuck)(page, findings[i]);
  }
}

bool told_in_a_finding(const Diagnosis& diagnosis, const PileUp& pile_up) {
  return std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(),
                     [&](const Finding& f) { return f.resource == pile_up.resource; });
}

void print_roots(const TextPage& page) {
  const auto& roots = page.sentences.ranking();
  const std::size_t shown = std::min(roots.size(), kShownRoots);
  for (std::size_t i = 0; i < shown; ++i) {
    page.out << (i == 0 ? "\n" + page.palette.paint(page.palette.head, "ROOTS") + "     "
                        : std::string(10, ' '))
             << page.sentences.root_blocker(*roots[i]) << '\n';
  }
  if (shown < roots.size()) {
    page.out << std::string(10, ' ') << "… "
             << count_words(roots.size() - shown, "more thread or deadlock must move",
                            "more threads or deadlocks must move")
             << '\n';
  }
}

void print_pile_up(const TextPage& page, const PileUp& pile_up) {
  page.out << '\n'
           << page.palette.paint(page.palette.head,
                                 pile_up.waits.size() == 1 ? "WAITING" : "PILE-UP")
           << "   " << page.sentences.pile_up(pile_up) << '\n';
  print_groups(page, pile_up.groups);
  const auto& blocker = page.report.diagnosis.resources.at(pile_up.resource).blocker;
  const bool in_a_deadlock = blocker && page.labels().deadlock_of(*blocker);
  if (!in_a_deadlock) print_holder(page, pile_up.resource);
}

void print_pile_ups(const TextPage& page) {
  std::size_t shown = 0;
  std::size_t left_out = 0;
  for (const PileUp& pile_up : page.report.diagnosis.pile_ups) {
    if (told_in_a_finding(page.report.diagnosis, pile_up) ||
        !is_worth_telling(page.report.diagnosis, pile_up)) {
      continue;
    }
    if (shown < kShownPileUps) {
      print_pile_up(page, pile_up);
      ++shown;
    } else {
      ++left_out;
    }
  }
  if (left_out == 0) return;
  page.out << "\n… " << count_words(left_out, "more lock has", "more locks have")
           << " threads waiting: pstuck -a " << page.labels().target() << '\n';
}

void print_samples(const TextPage& page) {
  if (page.report.diagnosis.samples.looks == 0) return;
  page.out << '\n'
           << page.palette.paint(page.palette.head, "SAMPLES") << "   " << page.sentences.progress()
           << '\n';
  const auto threads = page.sentences.sampled();
  const std::size_t shown = std::min(threads.size(), kShownSampled);
  for (std::size_t i = 0; i < shown; ++i) {
    page.out << "  " << page.sentences.progress(*threads[i]) << '\n';
  }
  if (shown < threads.size()) {
    page.out << "  … " << count_words(threads.size() - shown, "more thread", "more threads")
             << '\n';
  }
}

void print_others(const TextPage& page) {
  const std::string others = page.sentences.others();
  page.out << '\n';
  if (!others.empty()) {
    page.out << page.palette.paint(page.palette.head, "OTHERS") << "    " << others << ".  ";
  }
  page.out << "All threads: pstuck -a " << page.labels().target() << '\n';
}

struct OtherRow {
  std::string count;
  std::string activity;
  std::string functions;
  std::string ids;
};

/// What each group of threads does that no lock holds up.
void print_calm_groups(const TextPage& page) {
  const auto& others = page.report.diagnosis.others;
  std::vector<OtherRow> rows;
  OtherRow widest;
  const auto widen = [](std::string& widest_text, const std::string& text) {
    if (columns(text) > columns(widest_text)) widest_text = text;
  };
  for (std::size_t i = 0; i < others.size() && i < kShownOthers; ++i) {
    const auto& threads = others[i].group.threads;
    rows.push_back({fmt::format("{}", threads.size()), page.sentences.group(others[i]),
                    functions_label(page.report.stacks, others[i].group.functions),
                    id_words(page.labels().tids(threads))});
    widen(widest.count, rows.back().count);
    widen(widest.activity, rows.back().activity);
    widen(widest.functions, rows.back().functions);
  }
  const auto space = [](const std::string& text, const std::string& widest_text) {
    constexpr std::size_t kWidestColumn = 48;
    const std::size_t width = std::min(columns(widest_text), kWidestColumn);
    return std::string(width - std::min(columns(text), width), ' ');
  };
  for (const OtherRow& row : rows) {
    page.out << "  " << space(row.count, widest.count) << row.count << " " << row.activity
             << space(row.activity, widest.activity) << "  " << row.functions
             << space(row.functions, widest.functions) << "  " << page.dim(row.ids) << '\n';
  }
  if (others.size() <= kShownOthers) return;
  std::size_t rest = 0;
  for (std::size_t i = kShownOthers; i < others.size(); ++i) rest += others[i].group.threads.size();
  page.out << "  … " << count_words(rest, "more thread", "more threads") << '\n';
}

std::size_t count_waits_for_locks(const Diagnosis& diagnosis) {
  return static_cast<std::size_t>(std::ranges::count_if(diagnosis.waits, [&](const Wait& wait) {
    return !is_parked(diagnosis, wait.thread) && holds_up(diagnosis.resources.at(wait.resource));
  }));
}

/// What ended the process of a core, and where.
void print_end(const TextPage& page) {
  print_crash(page);
  const auto& threads = page.report.diagnosis.threads;
  const auto crashed = std::ranges::find(threads, Activity::kCrashed, &ThreadStatus::activity);
  const auto& core = page.report.snapshot.core;
  if (crashed != threads.end()) {
    print_stack(page, static_cast<ThreadIndex>(crashed - threads.begin()), {});
  }
  if (core && core->crash) page.out << '\n';
}

void print_calm(const TextPage& page, bool in_deadlock) {
  page.out << (in_deadlock ? page.palette.paint(page.palette.head, "THREADS")
                           : page.palette.paint(page.palette.good, page.sentences.calm_verdict()))
           << "  " << page.sentences.process() << ", "
           << count_words(page.report.snapshot.threads.size(), "thread", "threads");
  const std::size_t for_locks = count_waits_for_locks(page.report.diagnosis);
  if (for_locks > 0) {
    page.out << " · " << for_locks << ' '
             << verb_for(for_locks, "waits for a lock", "wait for locks");
  }
  page.out << '\n';
  if (page.report.diagnosis.others.empty()) return;
  page.out << '\n';
  print_calm_groups(page);
}

}  // namespace

bool is_calm(const Report& report) {
  const Diagnosis& diagnosis = report.diagnosis;
  return diagnosis.findings.empty() &&
         std::ranges::none_of(diagnosis.pile_ups, [&](const PileUp& pile_up) {
           return is_worth_telling(diagnosis, pile_up);
         });
}

void render_text(const Report& report, bool in_deadlock, const Palette& palette,
                 std::ostream& out) {
  const TextPage page(report, palette, out);
  const bool calm = report.diagnosis.findings.empty();
  print_end(page);
  if (calm) {
    print_calm(page, in_deadlock);
  } else {
    print_findings(page);
  }
  print_roots(page);
  print_pile_ups(page);
  print_samples(page);
  print_questions(page);
  if (!calm) print_others(page);
  print_blind_spots(page);
  out << '\n' << page.dim(page.sentences.capture()) << '\n';
  if (calm) out << "All threads: pstuck -a " << page.labels().target() << '\n';
}

}  // namespace pstuck
