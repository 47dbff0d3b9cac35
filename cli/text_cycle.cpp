#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/escape.h"
#include "cli/text_page.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kWidestFunction = 40;
constexpr std::size_t kShownCycleThreads = 16;

struct CycleRow {
  std::string thread;
  std::string verb;
  std::string lock;
  std::string function;
  std::string place;
  std::string tail;
};

CycleRow hold_row(const TextPage& page, const Cycle& cycle, std::size_t member) {
  const auto& waits = page.report.diagnosis.waits;
  const Wait& before = waits.at(page.labels().awaited_by(cycle, member));
  const Resource& resource = page.report.diagnosis.resources.at(before.resource);
  const ThreadIndex thread = waits.at(cycle.waits[member]).thread;
  CycleRow row;
  row.thread = page.labels().thread(thread);
  if (resource.kind == ResourceKind::kThread) {
    row.verb = "joined by";
    row.lock = page.labels().thread(before.thread);
    return row;
  }
  const bool likely = resource.holder.evidence != Evidence::kRecorded;
  row.verb = fmt::format("{}{}", likely ? "likely " : "", part_words(resource, thread));
  row.lock = page.labels().lock(before.resource);
  const HeldLock* const held = page.labels().held(cycle, member);
  if (const Acquisition* acquisition = page.labels().acquisition(held)) {
    const Location& frame = *page.labels().location(held->thread, acquisition->frame);
    row.function = "taken in " + function_label(frame, kWidestFunction);
    row.place = place_label(*acquisition, frame);
  }
  return row;
}

CycleRow want_row(const TextPage& page, const Wait& wait) {
  const Resource& resource = page.report.diagnosis.resources.at(wait.resource);
  CycleRow row;
  row.verb = want_words(wait.kind);
  row.lock = page.labels().lock(wait.resource);
  if (wait.kind == WaitKind::kJoin && resource.holder.thread) {
    row.lock = page.labels().thread(*resource.holder.thread);
  }
  if (const Location* location = page.labels().location(wait.thread, wait.frame)) {
    row.function = "in " + function_label(*location, kWidestFunction);
    row.place = place_label(*location);
  }
  std::vector<std::string> tail;
  if (wait.waited) tail.push_back("for " + duration_words(*wait.waited));
  if (wait.deadline) tail.push_back(page.sentences.deadline(wait));
  if (wait.kind == WaitKind::kRelockAfterCondition)
    tail.emplace_back("back after a condition wait");
  row.tail = joined(tail, ", ");
  return row;
}

std::size_t widest(const std::vector<CycleRow>& rows, std::string CycleRow::*column) {
  std::size_t width = 0;
  for (const CycleRow& row : rows) width = std::max(width, columns(row.*column));
  return width;
}

void print_cycle_rows(const TextPage& page, const std::vector<CycleRow>& rows) {
  const auto cell = [&](const CycleRow& row, std::string CycleRow::*column, bool is_name) {
    const std::string& text = row.*column;
    const std::string shown =
        is_name && !text.empty() ? page.palette.paint(page.palette.name, text) : text;
    return shown + padding(text, widest(rows, column)) + "  ";
  };
  for (const CycleRow& row : rows) {
    std::string line = "  " + cell(row, &CycleRow::thread, true) + row.verb +
                       padding(row.verb, widest(rows, &CycleRow::verb)) + " " +
                       cell(row, &CycleRow::lock, true);
    line += cell(row, &CycleRow::function, false) + cell(row, &CycleRow::place, false) + row.tail;
    line.erase(line.find_last_not_of(' ') + 1);
    page.out << line << '\n';
  }
}

}  // namespace

void print_cycle(const TextPage& page, const Cycle& cycle) {
  const auto& waits = page.report.diagnosis.waits;
  const std::size_t shown = std::min(cycle.waits.size(), kShownCycleThreads);
  std::vector<CycleRow> rows;
  for (std::size_t i = 0; i < shown; ++i) {
    rows.push_back(hold_row(page, cycle, i));
    rows.push_back(want_row(page, waits.at(cycle.waits[i])));
  }
  print_cycle_rows(page, rows);
  if (shown < cycle.waits.size()) {
    page.out << "  … " << count_words(cycle.waits.size() - shown, "more thread", "more threads")
             << ": pstuck -a " << page.labels().target() << '\n';
  }
}

}  // namespace pstuck
