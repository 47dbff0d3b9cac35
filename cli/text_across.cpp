#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <span>

#include "cli/across_sentences.h"
#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/text_page.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kFullCycles = 8;
constexpr std::size_t kShownMembers = 16;
constexpr std::size_t kShownRoots = 4;
constexpr std::size_t kShownStacks = 8;
constexpr std::size_t kFramesOfAStack = 12;

void print_members(const AcrossSentences& sentences, const AcrossSentences& plain,
                   std::span<const ThreadRef> members, std::ostream& out) {
  const std::size_t shown = std::min(members.size(), kShownMembers);
  std::size_t width = 0;
  for (const ThreadRef& member : members.first(shown)) {
    width = std::max(width, columns(plain.member(member)));
  }
  for (const ThreadRef& member : members.first(shown)) {
    out << "  " << sentences.member(member) << padding(plain.member(member), width) << "  "
        << sentences.want(member) << '\n';
  }
  if (shown < members.size()) {
    out << "  … " << count_words(members.size() - shown, "more thread", "more threads") << '\n';
  }
}

/// The longest chain to each, but for the end itself, which the first line tells.
void print_roots(const AcrossSentences& sentences, const AcrossSentences& plain,
                 std::span<const CrossRoot> roots, const Palette& palette, std::ostream& out) {
  const std::size_t shown = std::min(roots.size(), kShownRoots);
  for (const CrossRoot& root : roots.first(shown)) {
    out << palette.paint(palette.head, "CHAIN") << "  " << sentences.root(root) << '\n';
    print_members(sentences, plain, root.waiters(), out);
    const std::string evidence = AcrossSentences::evidence(root);
    if (!evidence.empty()) out << "\n  " << evidence << '\n';
    out << '\n';
  }
  if (shown < roots.size()) {
    out << "… " << count_words(roots.size() - shown, "more chain", "more chains") << "\n\n";
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
      print_members(sentences, plain, cycles[i].members, out);
      out << "\n  " << sentences.evidence(cycles[i]) << '\n';
      print_command_lines(reports, sentences, cycles[i], out);
      print_stacks(reports, palette, cycles[i], out);
    }
    out << '\n';
  }
  print_roots(sentences, plain, reports.across.roots, palette, out);
}

}  // namespace pstuck
