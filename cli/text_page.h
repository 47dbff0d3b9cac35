#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/palette.h"
#include "cli/sentences.h"

namespace pstuck {

/// One report as text, and the blocks that both text renderers print.
struct TextPage {
  TextPage(const Report& the_report, const Palette& the_palette, std::ostream& the_out);

  const Report& report;
  const Palette& palette;
  Sentences sentences;
  std::ostream& out;

  [[nodiscard]] const Labels& labels() const { return sentences.labels(); }
  [[nodiscard]] std::string dim(std::string_view text) const;
};

/// Names and code of the target in the palette's colours.
Ink terminal_ink(const Palette& palette);

/// The spaces that bring printable text to a width.
std::string padding(std::string_view printable_text, std::size_t width);

/// A stretch of one thread's stack.
struct FrameRange {
  ThreadIndex thread = 0;
  std::size_t first = 0;
  std::size_t count = 0;
  std::string indent;
  bool mark_locks = false;  ///< "← waits for g_cache", "← took g_router" at the frames concerned
  bool tell_rest = true;    ///< say how many frames follow, or how the stack ended
};

/// `after` is called behind every frame's line; may be empty.
void print_frames(const TextPage& page, const FrameRange& range,
                  const std::function<void(std::size_t frame)>& after = {});

/// The range, grown to reach the frame where its thread took a lock, unless that is very far out.
FrameRange range_with_lock(const TextPage& page, FrameRange range,
                           std::optional<ResourceIndex> lock);

/// The locks of a thread that no frame of a printed range is marked with, but for one that was
/// told of before.
void print_other_locks(const TextPage& page, const FrameRange& range,
                       std::optional<ResourceIndex> told);

/// "DEADLOCK  " or "STUCK  " and what it is about.
void print_verdict(const TextPage& page, const Finding& finding, std::string_view subject);

/// "CRASHED  " and which signal ended the process of a core; nothing where it was alive.
void print_crash(const TextPage& page);

/// Who holds what and wants what, one pair of lines a thread.
void print_cycle(const TextPage& page, const Cycle& cycle);

/// The evidence of a finding, the order in which a cycle's threads took their locks, and the traits
/// of its mutexes that are not plain ones.
void print_evidence(const TextPage& page, const Finding& finding);

/// What a lock's holder outside all cycles is doing, with its program frames and its other locks.
/// Nothing when no thread is known to hold it.
void print_holder(const TextPage& page, ResourceIndex lock);

/// Whether a pile-up is more than threads that wait for work: somebody is known to hold them up, or
/// a finding is about them.
bool is_worth_telling(const Diagnosis& diagnosis, const PileUp& pile_up);

/// The stacks behind one lock, counts first.
void print_groups(const TextPage& page, const std::vector<StackGroup>& groups);

/// What the program must be asked, and how.
void print_questions(const TextPage& page);

void print_blind_spots(const TextPage& page);

}  // namespace pstuck
