#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/across_sentences.h"
#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/text_page.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kFullCycles = 8;
constexpr std::size_t kShownMembers = 16;
constexpr std::size_t kShownStacks = 8;
constexpr std::size_t kFramesOfAStack = 12;

void print_members(const AcrossSentences& sentences, const AcrossSentences& plain,
                   const CrossCycle& cycle, std::ostream& out) {
  const std::size_t shown = std::min(cycle.members.size(), kShownMembers);
  std::size_t width = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    width = std::max(width, columns(plain.member(cycle.members[i])));
  }
  for (std::size_t i = 0; i < shown; ++i) {
    out << "  " << sentences.member(cycle.members[i])
        << padding(plain.member(cycle.members[i]), width) << "  "
        << sentences.want(cycle.members[i]) << '\n';
  }
  if (shown < cycle.members.size()) {
    out << "  … " << count_words(cycle.members.size() - shown, "more thread", "more threads")
        << '\n';
  }
}

/// "make CC=gcc", so that whoever reads it knows which of many it is.
void print_command_lines(const Reports& reports, const AcrossSentences& sentences,
                         const CrossCycle& cycle, std::ostream& out) {
  for (const ProcessIndex process : AcrossSentences::processes(cycle)) {
    const std::string command = command_words(reports.process(process).snapshot.process);
    if (command.empty()) continue;
    out << "  " << sentences.of(process).process() << ": " << command << '\n';
  }
}

void print_stacks(const Reports& reports, const Palette& palette, const CrossCycle& cycle,
                  std::ostream& out) {
  std::vector<std::string> without;
  std::size_t printed = 0;
  for (const ThreadRef& member : cycle.members) {
    const Report& report = reports.process(member.process);
    const TextPage page(report, palette, out);
    if (page.labels().stack(member.thread).frames.empty()) {
      const std::string target = page.labels().target();
      if (std::ranges::find(without, target) == without.end()) without.push_back(target);
      continue;
    }
    if (++printed > kShownStacks) continue;
    out << "\n  " << page.sentences.thread(member.thread) << '\n';
    const FrameRange range{member.thread, 0, kFramesOfAStack, "    ", true};
    print_frames(page, range);
    print_other_locks(page, range, {});
  }
  if (without.empty()) return;
  std::vector<std::string> targets;
  for (const ProcessIndex process : AcrossSentences::processes(cycle)) {
    targets.push_back(Labels(reports.process(process)).target());
  }
  out << "\n  Seen from outside only: " << list_words(without) << ".  With stacks: pstuck "
      << joined(targets, " ") << '\n';
}

}  // namespace

void render_across(const Reports& reports, const Palette& palette, std::ostream& out) {
  const AcrossSentences sentences(reports, terminal_ink(palette));
  const AcrossSentences plain(reports);
  const auto& cycles = reports.across.cycles;
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    out << palette.paint(palette.bad, verdict_word(FindingKind::kDeadlock, cycles[i].evidence))
        << "  " << sentences.verdict(cycles[i]) << '\n';
    if (i < kFullCycles) {
      out << '\n';
      print_members(sentences, plain, cycles[i], out);
      out << "\n  " << sentences.evidence(cycles[i]) << '\n';
      print_command_lines(reports, sentences, cycles[i], out);
      print_stacks(reports, palette, cycles[i], out);
    }
    out << '\n';
  }
}

}  // namespace pstuck
