// Locks that a file describes: those of libraries that come with pstuck, and the user's own. Such a
// lock has a function that its waiters are in, seen as a frame or as what a frame calls:
//
//     #0  syscall
//     #1  (no name)          libglib-2.0.so.0, stripped
//     #2  Cache::get         call g_mutex_lock      is named by the call
//     #3  …
//
// The lock's address is that of the futex word less the word's offset, or an argument of the call
// that led into the function. Of several functions on a stack the innermost one counts, so that a
// lock which is built upon another described lock does not claim its waits. A lock that is waited
// for under a condition variable is the one that goes with it, on the way back. A wait in one of
// libc's own primitives is left to them, but for a condition variable: locks are built upon it, and
// then only an argument can tell which.

#include <algorithm>

#include "analyzers/waits/described_owner.h"
#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

// Between the kernel and the function that a library calls its own.
constexpr std::size_t kMostFrames = 24;

constexpr std::size_t kBytesToCompare = 24;

/// A described lock whose function is on the stack.
struct Match {
  const LockDescription* lock = nullptr;
  std::size_t frame = 0;  ///< of the stack
  bool called = false;    ///< the frame calls the function; else it is the function's own
};

bool is_libc_primitive(NameMeans means) {
  return means != NameMeans::kNothing && means != NameMeans::kUnknown && means != NameMeans::kElse;
}

/// Whether it is another recogniser's, whatever function is above.
bool is_left_to_libc(const NamedWait& names) {
  if (names.under_condition) return names.names(NameMeans::kMutex);
  return is_libc_primitive(names.frames) ||
         (names.frames == NameMeans::kNothing && is_libc_primitive(names.call_site));
}

bool fits(const LockDescription& lock, const NamedWait& names) {
  return !names.under_condition || !lock.futex_offset;
}

/// Innermost first; of one frame in the order of the descriptions, first the called ones.
std::vector<Match> find_matches(const FutexSleeper& sleeper) {
  std::vector<Match> matches;
  const auto& frames = sleeper.stack.frames;
  for (std::size_t i = 0; i < std::min(frames.size(), kMostFrames); ++i) {
    const auto add = [&](const DescribedFunctions::Locks& locks, bool called) {
      for (const LockDescription* lock : locks) {
        if (fits(*lock, sleeper.names)) matches.push_back({lock, i, called});
      }
    };
    add(sleeper.described.called(frames[i]), true);
    add(sleeper.described.own(frames[i]), false);
  }
  return matches;
}

std::optional<Address> find_address(const Match& match, const FutexSleeper& sleeper) {
  if (match.lock->futex_offset) {
    const std::uint64_t word = sleeper.call.word.value;
    if (word <= *match.lock->futex_offset) return std::nullopt;
    return Address{word - *match.lock->futex_offset};
  }
  // The frame of the function itself does not keep what it was called with.
  if (!match.called || !match.lock->argument) return std::nullopt;
  const auto value = sleeper.program.find_argument(sleeper.stacks, sleeper.index, match.frame,
                                                   *match.lock->argument);
  if (!value || *value == 0) return std::nullopt;
  return Address{*value};
}

bool is_of_condition(const Match& match) { return match.lock->wait == WaitKind::kNotification; }

/// The functions of one lock call each other, any of them may show where it is, and the outermost
/// one tells best what it is waited for: ReaderLock calls LockSlow.
std::vector<Match> keep_innermost_lock(std::vector<Match> matches) {
  const auto other = std::ranges::find_if(
      matches, [&](const Match& match) { return match.lock->type != matches.front().lock->type; });
  matches.erase(other, matches.end());
  return matches;
}

RecognisedWait describe(const Match& match, WaitKind kind, Address at,
                        const FutexSleeper& sleeper) {
  LockReader& locks = sleeper.locks;
  RecognisedWait wait{.resource = {.kind = kind_of_described(kind),
                                   .address = at,
                                   .type = match.lock->type,
                                   .seen = locks.read_seen(at, kBytesToCompare)},
                      .kind = kind,
                      .by = match.called ? RecognisedBy::kCallSite : RecognisedBy::kFunctionName};
  read_described_owner(*match.lock, sleeper, wait);
  // At the end of a mapping less of it can be read.
  if (wait.resource.seen.empty()) wait.resource.seen = locks.read_seen(at, sizeof(std::uint32_t));
  return wait;
}

}  // namespace

std::optional<RecognisedWait> recognise_library_lock(const FutexSleeper& sleeper) {
  if (sleeper.described.none() || is_left_to_libc(sleeper.names)) return std::nullopt;
  std::vector<Match> matches = find_matches(sleeper);
  const bool under_condition = std::ranges::any_of(matches, is_of_condition);
  matches = keep_innermost_lock(std::move(matches));
  for (const Match& match : matches) {
    const auto address = find_address(match, sleeper);
    if (!address) continue;
    RecognisedWait wait = describe(match, matches.back().lock->wait, *address, sleeper);
    if (under_condition && wait.kind == WaitKind::kLock) {
      wait.kind = WaitKind::kRelockAfterCondition;
    }
    if (wait.resource.seen.empty()) return std::nullopt;
    return wait;
  }
  return std::nullopt;
}

}  // namespace pstuck
