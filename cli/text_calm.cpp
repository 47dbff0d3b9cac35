#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/sentences.h"
#include "cli/text_page.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kShownRows = 40;

/// What a process does as a whole: what most of its threads do, the first of them where it is even.
std::string what_it_does(const Sentences& sentences) {
  const Report& report = sentences.labels().report();
  const auto& others = report.diagnosis.others;
  if (others.empty()) return "no thread was seen";
  const std::size_t threads = report.snapshot.threads.size();
  const std::size_t alike = others.front().group.threads.size();
  const std::string first = group_words(others.front(), alike);
  if (threads == 1) return first;
  return fmt::format("{} of {} threads {}", alike, threads, first);
}

}  // namespace

void render_calm(const std::vector<const Report*>& reports, const Palette& palette,
                 std::ostream& out) {
  if (reports.empty()) return;
  // Many processes do the same, as the workers of a server: a row for all of these.
  std::map<std::pair<std::string, std::string>, std::vector<Tid>> rows;
  std::size_t width = 0;
  bool all_understood = true;
  for (const Report* const report : reports) {
    const Sentences sentences(*report);
    all_understood = all_understood && sentences.is_surely_calm();
    const std::string name = printable(report->snapshot.process.name, 32);
    width = std::max(width, columns(name));
    rows[{name, what_it_does(sentences)}].push_back(report->snapshot.process.pid);
  }
  out << palette.paint(palette.good, all_understood ? "Nothing is stuck" : "No hang found")
      << "  in " << count_words(reports.size(), "process", "processes") << "\n\n";
  std::size_t shown = 0;
  for (const auto& [row, pids] : rows) {
    if (++shown > kShownRows) break;
    out << fmt::format("  {:>4} × ", pids.size()) << palette.paint(palette.name, row.first)
        << padding(row.first, width) << "  " << row.second << "  "
        << palette.paint(palette.dim, id_words(pids)) << '\n';
  }
  if (rows.size() > kShownRows) {
    out << "  … " << count_words(rows.size() - kShownRows, "more row", "more rows")
        << ": pstuck --format json has all\n";
  }
}

void render_unseen(const std::vector<UnseenProcess>& unseen, const Palette& palette,
                   std::ostream& out) {
  if (unseen.empty()) return;
  constexpr std::size_t kShown = 5;
  out << '\n' << palette.paint(palette.head, "What I could not see") << '\n';
  for (std::size_t i = 0; i < unseen.size() && i < kShown; ++i) {
    out << "  " << printable(unseen[i].why, 200) << '\n';
  }
  if (unseen.size() > kShown) {
    out << "  … " << count_words(unseen.size() - kShown, "more process", "more processes") << '\n';
  }
}

}  // namespace pstuck
