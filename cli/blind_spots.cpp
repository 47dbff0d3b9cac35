#include "cli/blind_spots.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <utility>

#include "analyzers/thread_rules.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kShownOfAKind = 5;

/// Of a blind spot whose detail is a number of bytes.
std::string detail_in_size_words(const BlindSpot& spot) {
  std::uint64_t bytes = 0;
  std::from_chars(spot.detail.data(), spot.detail.data() + spot.detail.size(), bytes);
  return size_words(bytes);
}

std::string blind_spot_sentence(const BlindSpot& spot, const Sentences& sentences) {
  const std::string detail = sentences.code(spot.detail);
  switch (spot.kind) {
    case BlindSpotKind::kModuleFileMissing:
      return fmt::format("The file {} could not be opened; its functions have no names.", detail);
    case BlindSpotKind::kBuildIdMismatch:
      return fmt::format("A file on disk is not the one that was loaded: {}.", detail);
    case BlindSpotKind::kBuildIdUnknown:
      return fmt::format(
          "The core does not tell which build of {} it ran; the file there was used.", detail);
    case BlindSpotKind::kCoreTruncated:
      return fmt::format("The core is cut off: {} bytes at its end are missing.", detail);
    case BlindSpotKind::kCoreDamaged:
      return fmt::format("The core could not be read to its end: {}.", detail);
    case BlindSpotKind::kOtherMachine:
      return fmt::format(
          "The core is of a process on {}. Of its code pstuck decodes calls only, and it does not "
          "read glibc's thread descriptors there: who has a lock that records no owner, has a "
          "FILE's lock or runs a once-flag's routine, may be missing.",
          detail);
    case BlindSpotKind::kThreadsKeptAppearing:
      return fmt::format("New threads kept appearing; pstuck gave up after {} looks.", detail);
    case BlindSpotKind::kMemoryMapUnreadable:
      return "The process's memory map could not be read.";
    case BlindSpotKind::kMemoryNotSearched:
      return fmt::format(
          "Up to {} of memory were not searched for held locks that nobody waits for "
          "(--scan-memory, --max-memory).",
          detail_in_size_words(spot));
    case BlindSpotKind::kMemorySwappedOut:
      return fmt::format("{} of memory are swapped out and were not searched for held locks.",
                         detail_in_size_words(spot));
    case BlindSpotKind::kHeldLocksDoubted:
      return fmt::format(
          "{} places in memory looked like held locks; they were left out, since no frame shows "
          "that "
          "it took them.",
          detail);
  }
  return detail;
}

void add_blind_spots_of_capture(const Sentences& sentences, std::vector<std::string>& into) {
  const auto& saved = sentences.labels().report().snapshot.saved;
  if (saved && saved->redacted) {
    into.emplace_back(
        "The snapshot was redacted: stacks' bytes, arguments, and names of users and machines are "
        "not in it, so frames cannot be unwound or named anew.");
  }
  const auto& spots = sentences.labels().report().snapshot.blind_spots;
  std::map<BlindSpotKind, std::size_t> seen;
  for (const BlindSpot& spot : spots) {
    if (++seen[spot.kind] <= kShownOfAKind) into.push_back(blind_spot_sentence(spot, sentences));
  }
  const std::size_t files = seen[BlindSpotKind::kModuleFileMissing];
  if (files > kShownOfAKind) {
    into.push_back(fmt::format("{} could not be opened either.",
                               count_words(files - kShownOfAKind, "more file", "more files")));
  }
}

void add_captures_without_stop(const Sentences& sentences, std::vector<std::string>& into) {
  std::map<std::pair<CaptureWay, CaptureReason>, std::vector<Tid>> ways;
  for (const ThreadSnapshot& thread : sentences.labels().report().snapshot.threads) {
    if (thread.capture == CaptureWay::kStopped || thread.capture == CaptureWay::kFromCore) continue;
    ways[{thread.capture, thread.capture_reason}].push_back(thread.tid);
  }
  for (const auto& [way, tids] : ways) {
    into.push_back(fmt::format(
        "{} {} {}: {}. {}", count_words(tids.size(), "thread", "threads"),
        verb_for(tids.size(), "was", "were"),
        way.first == CaptureWay::kReadWithoutStop ? "read without a stop" : "not captured",
        capture_reason_words(way.second), id_words(tids)));
  }
}

void add_truncated_stacks(const Sentences& sentences, std::vector<std::string>& into) {
  const Labels& labels = sentences.labels();
  const auto& threads = labels.report().snapshot.threads;
  std::map<std::pair<StackEnd, std::string>, std::vector<Tid>> ends;
  for (ThreadIndex i = 0; i < threads.size(); ++i) {
    const Stack& stack = labels.stack(i);
    if (stack.end == StackEnd::kRoot || stack.end == StackEnd::kNotCaptured) continue;
    const Location* const last =
        stack.frames.empty() ? nullptr : labels.location(i, stack.frames.size() - 1);
    const bool tell_module = stack.end == StackEnd::kNoCfi && last != nullptr;
    ends[{stack.end, tell_module ? last->module : ""}].push_back(threads[i].tid);
  }
  std::size_t kinds = 0;
  for (const auto& [end, tids] : ends) {
    if (++kinds > kShownOfAKind) break;
    const std::string in = end.second.empty() ? "" : " in " + sentences.code(end.second);
    into.push_back(fmt::format("{} {} early: {}{}. {}", count_words(tids.size(), "stack", "stacks"),
                               verb_for(tids.size(), "ends", "end"), stack_end_words(end.first), in,
                               id_words(tids)));
  }
}

void add_unknown_holders(const Sentences& sentences, std::vector<std::string>& into) {
  const auto& resources = sentences.labels().report().diagnosis.resources;
  std::size_t unknown = 0;
  for (ResourceIndex i = 0; i < resources.size(); ++i) {
    const OwnerFate fate = resources[i].holder.fate;
    if (!is_lock(resources[i].kind) || resources[i].partners_complete) continue;
    if (fate != OwnerFate::kNotRecorded && fate != OwnerFate::kUnreadable &&
        fate != OwnerFate::kOtherNamespace) {
      continue;
    }
    if (++unknown > kShownOfAKind) continue;
    into.push_back(fmt::format("Who holds {}, {}.", sentences.lock(i), sentences.holder(i)));
  }
  if (unknown > kShownOfAKind) {
    into.push_back(fmt::format("Who holds {}.",
                               count_words(unknown - kShownOfAKind, "more lock", "more locks")));
  }
}

void add_unnamed_futexes(const Sentences& sentences, std::vector<std::string>& into) {
  const Labels& labels = sentences.labels();
  std::vector<Tid> tids;
  for (ThreadIndex i = 0; i < labels.report().diagnosis.threads.size(); ++i) {
    const bool is_unnamed = labels.status(i).activity == Activity::kFutex;
    if (is_unnamed && !is_parked(labels.report().diagnosis, i)) tids.push_back(labels.tid(i));
  }
  if (tids.empty()) return;
  into.push_back(fmt::format("What {} for in {}: no primitive that pstuck knows. {}",
                             count_words(tids.size(), "thread waits", "threads wait"),
                             verb_for(tids.size(), "a futex call", "futex calls"), id_words(tids)));
}

}  // namespace

std::vector<std::string> blind_spot_sentences(const Sentences& sentences) {
  std::vector<std::string> spots;
  add_blind_spots_of_capture(sentences, spots);
  add_captures_without_stop(sentences, spots);
  add_truncated_stacks(sentences, spots);
  add_unknown_holders(sentences, spots);
  add_unnamed_futexes(sentences, spots);
  if (const std::size_t moved = sentences.labels().report().diagnosis.moved; moved > 0) {
    spots.push_back(fmt::format("{} dropped: {} threads moved between two looks.",
                                count_words(moved, "suspected hang was", "suspected hangs were"),
                                verb_for(moved, "its", "their")));
  }
  return spots;
}

}  // namespace pstuck
