#include "cli/text_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <set>

#include "analyzers/resources.h"
#include "analyzers/thread_rules.h"
#include "cli/blind_spots.h"
#include "cli/escape.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kWidestFunction = 56;
constexpr std::size_t kHolderFrames = 6;
constexpr std::size_t kShownGroups = 8;
constexpr std::size_t kShownMarks = 4;
constexpr std::size_t kFramesToALock = 40;

struct FrameRow {
  std::string number;
  std::string function;
  std::string place;
  bool has_line = false;
  std::string mark;
};

/// The locks that a thread took in one frame, as far as its stack shows them.
std::vector<std::string> locks_taken(const TextPage& page, ThreadIndex thread, std::size_t frame) {
  std::vector<std::string> locks;
  std::size_t more = 0;
  for (const HeldLock* const held : page.labels().held(thread)) {
    const Acquisition* const acquisition = page.labels().acquisition(held);
    if (acquisition == nullptr || acquisition->frame != frame) continue;
    if (locks.size() < kShownMarks) {
      locks.push_back(page.labels().lock(held->resource));
    } else {
      ++more;
    }
  }
  if (more > 0) locks.push_back(fmt::format("{} more", more));
  return locks;
}

/// "waits for g_cache, took g_router and g_log".
std::string frame_mark(const TextPage& page, const FrameRange& range, std::size_t index) {
  std::vector<std::string> marks;
  if (page.labels().stack(range.thread).frames[index].interrupted) {
    marks.emplace_back("a signal arrived here");
  }
  const ThreadStatus& status = page.labels().status(range.thread);
  if (range.mark_locks && status.wait) {
    const Wait& wait = page.report.diagnosis.waits.at(*status.wait);
    if (wait.frame == index) {
      marks.push_back(
          fmt::format("waits {} {}", wait_words(wait.kind), page.labels().lock(wait.resource)));
    }
  }
  if (range.mark_locks) {
    const auto taken = locks_taken(page, range.thread, index);
    if (!taken.empty()) marks.push_back("took " + list_words(taken));
  }
  return joined(marks, ", ");
}

FrameRow frame_row(const TextPage& page, const FrameRange& range, std::size_t index) {
  const Frame& frame = page.labels().stack(range.thread).frames[index];
  FrameRow row;
  row.number = fmt::format("#{}", index);
  row.function = fmt::format("{:#x}", frame.pc.address().value);
  if (const Location* location = page.labels().location(range.thread, index)) {
    row.has_line = !location->file.empty();
    if (location->function.empty()) {
      row.place =
          row.has_line ? place_label(*location) : function_label(*location, kWidestFunction);
    } else {
      row.function = signature_label(*location, kWidestFunction);
      row.place = place_label(*location);
    }
    if (location->inlined) row.place += " (inlined)";
  }
  row.mark = frame_mark(page, range, index);
  return row;
}

std::vector<FrameRow> frame_rows(const TextPage& page, const FrameRange& range) {
  const std::size_t size = page.labels().stack(range.thread).frames.size();
  std::vector<FrameRow> rows;
  for (std::size_t i = range.first; i < size && rows.size() < range.count; ++i) {
    rows.push_back(frame_row(page, range, i));
  }
  return rows;
}

std::size_t widest(const std::vector<FrameRow>& rows, std::string FrameRow::*column) {
  std::size_t width = 0;
  for (const FrameRow& row : rows) width = std::max(width, columns(row.*column));
  return width;
}

void print_frame_row(const TextPage& page, const FrameRow& row, const std::string& indent,
                     const std::array<std::size_t, 3>& widths) {
  page.out << indent << row.number << padding(row.number, widths[0]) << "  " << row.function;
  if (!row.place.empty() || !row.mark.empty()) {
    page.out << padding(row.function, widths[1]) << "  "
             << (row.has_line ? row.place : page.dim(row.place));
  }
  if (!row.mark.empty()) {
    page.out << padding(row.place, widths[2]) << "  "
             << page.palette.paint(page.palette.marker, "← " + row.mark);
  }
  page.out << '\n';
}

/// How many frames from `first` on are the program's own: its callers in the runtime tell nothing.
std::size_t program_frames_from(const Labels& labels, ThreadIndex thread, std::size_t first) {
  const auto& frames = labels.stack(thread).frames;
  const auto& functions = labels.status(thread).functions;
  std::size_t end = first;
  while (end < frames.size() &&
         std::find(functions.begin(), functions.end(), frames[end].location) != functions.end()) {
    ++end;
  }
  return end - first;
}

std::vector<ResourceIndex> resources_of(const Diagnosis& diagnosis, const Finding& finding) {
  if (!finding.cycle) return {finding.resource.value_or(0)};
  std::vector<ResourceIndex> found;
  for (const WaitIndex wait : diagnosis.cycles.at(*finding.cycle).waits) {
    found.push_back(diagnosis.waits.at(wait).resource);
  }
  return found;
}

/// "g_a is a recursive mutex, locked 3 times"; empty for a plain mutex.
std::string traits_sentence(const TextPage& page, ResourceIndex index) {
  const Resource& resource = page.report.diagnosis.resources.at(index);
  if (!resource.mutex) return {};
  const bool plain = mutex_traits_words(*resource.mutex).empty();
  const bool told = resource.name.empty() || plain;
  if (told && resource.recursion < 2) return {};
  std::string text = page.sentences.lock(index);
  if (!told) text += " is " + with_article(kind_words(resource));
  if (resource.recursion > 1) {
    text += fmt::format("{}locked {} times", told ? " is " : ", ", resource.recursion);
  }
  return text;
}

}  // namespace

Ink terminal_ink(const Palette& palette) {
  if (palette.name.empty()) return {};
  Ink ink;
  ink.name = [palette](std::string_view text) { return palette.paint(palette.name, text); };
  return ink;
}

TextPage::TextPage(const Report& the_report, const Palette& the_palette, std::ostream& the_out)
    : report(the_report),
      palette(the_palette),
      sentences(the_report, terminal_ink(the_palette)),
      out(the_out) {}

std::string padding(std::string_view printable_text, std::size_t width) {
  const std::size_t used = columns(printable_text);
  return used < width ? std::string(width - used, ' ') : std::string();
}

std::string TextPage::dim(std::string_view text) const {
  return text.empty() ? std::string() : palette.paint(palette.dim, text);
}

void print_frames(const TextPage& page, const FrameRange& range,
                  const std::function<void(std::size_t frame)>& after) {
  const Stack& stack = page.labels().stack(range.thread);
  const std::vector<FrameRow> rows = frame_rows(page, range);
  const std::array<std::size_t, 3> widths{widest(rows, &FrameRow::number),
                                          widest(rows, &FrameRow::function),
                                          widest(rows, &FrameRow::place)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    print_frame_row(page, rows[i], range.indent, widths);
    if (after) after(range.first + i);
  }
  if (!range.tell_rest) return;
  const std::size_t end = range.first + rows.size();
  if (end < stack.frames.size()) {
    const std::size_t more = stack.frames.size() - end;
    page.out << range.indent
             << page.dim(fmt::format("… {}", count_words(more, "more frame", "more frames")))
             << '\n';
  } else if (stack.end != StackEnd::kRoot) {
    page.out << range.indent << page.dim(fmt::format("… ends here: {}", stack_end_words(stack.end)))
             << '\n';
  }
}

void print_verdict(const TextPage& page, const Finding& finding, std::string_view subject) {
  const bool deadlock = finding.kind == FindingKind::kDeadlock;
  std::string word(verdict_word(finding.kind, finding.evidence));
  if (deadlock && page.labels().deadlocks() > 1 && finding.cycle) {
    const auto& cycle = page.report.diagnosis.cycles.at(*finding.cycle);
    const auto number =
        page.labels().deadlock_of(page.report.diagnosis.waits.at(cycle.waits.at(0)).thread);
    word += fmt::format(" {}", number.value_or(0) + 1);
  }
  page.out << page.palette.paint(page.palette.bad, word) << "  " << subject
           << (subject.empty() ? "" : ": ") << page.sentences.verdict(finding) << '\n';
}

void print_crash(const TextPage& page) {
  const auto& core = page.report.snapshot.core;
  if (!core || !core->crash) return;
  const bool by_itself =
      core->crash->cause == CrashCause::kFault || core->crash->cause == CrashCause::kRaised;
  page.out << page.palette.paint(page.palette.bad, by_itself ? "CRASHED" : "ENDED") << "  "
           << page.sentences.process() << ": " << page.sentences.crash(*core->crash) << '\n';
}

void print_evidence(const TextPage& page, const Finding& finding) {
  page.out << "  " << page.sentences.evidence(finding) << '\n';
  if (finding.cycle) {
    const auto order = page.sentences.order(page.report.diagnosis.cycles.at(*finding.cycle));
    if (!order.empty()) page.out << "  Order: " << order << ".\n";
    const auto crossings =
        page.sentences.crossings(page.report.diagnosis.cycles.at(*finding.cycle));
    if (!crossings.empty()) page.out << "  Crosses modules: " << crossings << ".\n";
  }
  std::set<std::string> told;
  for (const ResourceIndex resource : resources_of(page.report.diagnosis, finding)) {
    const std::string sentence = traits_sentence(page, resource);
    if (sentence.empty() || told.size() >= kShownGroups || !told.insert(sentence).second) continue;
    page.out << "  " << sentence << ".\n";
  }
}

FrameRange range_with_lock(const TextPage& page, FrameRange range,
                           std::optional<ResourceIndex> lock) {
  if (!lock) return range;
  const Acquisition* const taken =
      page.labels().acquisition(page.labels().held(range.thread, *lock));
  if (taken == nullptr || taken->frame >= kFramesToALock) return range;
  const std::size_t end = std::max(range.first + range.count, taken->frame + 1);
  range.first = std::min(range.first, taken->frame);
  range.count = end - range.first;
  return range;
}

void print_other_locks(const TextPage& page, const FrameRange& range,
                       std::optional<ResourceIndex> told) {
  std::vector<const HeldLock*> locks;
  for (const HeldLock* const held : page.labels().held(range.thread)) {
    const Acquisition* const taken = page.labels().acquisition(held);
    const bool marked =
        taken != nullptr && taken->frame >= range.first && taken->frame - range.first < range.count;
    const bool told_elsewhere = taken == nullptr && held->resource == told;
    if (!marked && !told_elsewhere) locks.push_back(held);
  }
  const std::string others = page.sentences.also_holds(locks);
  if (!others.empty()) page.out << range.indent << others << '\n';
}

void print_holder(const TextPage& page, ResourceIndex lock) {
  const Resource& resource = page.report.diagnosis.resources.at(lock);
  if (!resource.blocker) return;
  const ThreadIndex holder = *resource.blocker;
  const std::string taken = page.sentences.taken(page.labels().held(holder, lock));
  page.out << "  " << page.sentences.thread(holder) << ' ';
  if (!taken.empty())
    page.out << "took " << page.sentences.lock(lock) << " in " << taken << " and ";
  page.out << page.sentences.lasting_activity(holder) << '\n';
  const std::size_t first = page.labels().status(holder).frame.value_or(0);
  const std::size_t own = program_frames_from(page.labels(), holder, first);
  const FrameRange range =
      range_with_lock(page,
                      {.thread = holder,
                       .first = first,
                       .count = own == 0 ? kHolderFrames : std::min(own, kHolderFrames),
                       .indent = "    ",
                       .mark_locks = true,
                       .tell_rest = false},
                      lock);
  print_frames(page, range);
  print_other_locks(page, range, lock);
}

bool is_worth_telling(const Diagnosis& diagnosis, const PileUp& pile_up) {
  if (is_parked(diagnosis, pile_up)) return false;
  const Resource& resource = diagnosis.resources.at(pile_up.resource);
  if (holds_up(resource) || resource.blocker || resource.parties ||
      resource.kind == ResourceKind::kFuture) {
    return true;
  }
  return std::ranges::any_of(diagnosis.findings, [](const Finding& finding) {
    return finding.kind == FindingKind::kAllAsleep;
  });
}

void print_groups(const TextPage& page, const std::vector<StackGroup>& groups) {
  const std::size_t shown = std::min(groups.size(), kShownGroups);
  std::vector<std::string> functions;
  std::size_t digits = 1;
  std::size_t width = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    functions.push_back(functions_label(page.report.stacks, groups[i].functions));
    if (functions.back().empty()) functions.back() = "no program frames";
    digits = std::max(digits, fmt::formatted_size("{}", groups[i].threads.size()));
    width = std::max(width, columns(functions.back()));
  }
  for (std::size_t i = 0; i < shown; ++i) {
    page.out << fmt::format("    {:>{}} × ", groups[i].threads.size(), digits) << functions[i]
             << padding(functions[i], width) << "  "
             << page.dim(id_words(page.labels().tids(groups[i].threads))) << '\n';
  }
  if (shown == groups.size()) return;
  std::size_t rest = 0;
  for (std::size_t i = shown; i < groups.size(); ++i) rest += groups[i].threads.size();
  page.out << fmt::format("    … {} with {}\n", count_words(rest, "more thread", "more threads"),
                          count_words(groups.size() - shown, "other stack", "other stacks"));
}

void print_questions(const TextPage& page) {
  for (const Question& question : page.sentences.questions()) {
    page.out << '\n'
             << page.palette.paint(page.palette.head, "ASK") << "       " << question.what << '\n';
    for (const std::string& thread : question.threads) page.out << "    " << thread << '\n';
    page.out << "  Ask it: " << question.command << '\n';
  }
}

void print_blind_spots(const TextPage& page) {
  const auto spots = blind_spot_sentences(page.sentences);
  if (spots.empty()) return;
  page.out << '\n' << page.palette.paint(page.palette.head, "What I could not see") << '\n';
  for (const std::string& spot : spots) page.out << "  " << spot << '\n';
}

}  // namespace pstuck
