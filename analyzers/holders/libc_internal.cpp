// Who has one of libc's own locks, which are a word without an owner: told by the names of libc's
// functions on the stacks.
//
//     #0  __lll_lock_wait_private            waits for malloc's arena
//     #1  malloc
//     #2  on_alarm                           a handler
//     #3  <signal>   _int_free               interrupted while it had the arena: waits for itself
//     #4  free
//
// A thread inside malloc proves nothing, since it may use another arena, or none, or run. But one
// that a signal interrupted there, wherever malloc had come to, cannot go on before its handler
// returns. If its handler waits for an arena that is taken, it is this one, unless others are in
// malloc too, or in fork, which takes all arenas.
//
// The other locks are one for a family of functions that have it for as long as they run: who is in
// one of these functions and does not wait for the lock has it, if it is only one thread.

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "analyzers/collect_waits.h"
#include "analyzers/holders/holds.h"
#include "analyzers/thread_status.h"
#include "analyzers/waits/libc_lock_names.h"

namespace pstuck {
namespace {

using Names = std::span<const std::string_view>;

// misc/syslog.c: one lock, also while the message is sent.
constexpr std::string_view kSyslog[] = {"syslog",           "vsyslog", "syslog_chk", "vsyslog_chk",
                                        "vsyslog_internal", "openlog", "closelog",   "setlogmask"};
// time/tzset.c: one lock, also while files are read.
constexpr std::string_view kTimeZone[] = {"tzset", "tz_convert"};
// nss/getXXbyYY.c: each function has a lock of its own, also while servers are asked.
constexpr std::string_view kHostByName[] = {"gethostbyname"};
constexpr std::string_view kHostByName2[] = {"gethostbyname2"};
constexpr std::string_view kHostByAddress[] = {"gethostbyaddr"};
constexpr std::string_view kUserByName[] = {"getpwnam"};
constexpr std::string_view kUserById[] = {"getpwuid"};
constexpr std::string_view kGroupByName[] = {"getgrnam"};
constexpr std::string_view kGroupById[] = {"getgrgid"};
constexpr std::string_view kServiceByName[] = {"getservbyname"};
constexpr std::string_view kServiceByPort[] = {"getservbyport"};

constexpr Names kFamilies[] = {kSyslog,        kTimeZone,      kHostByName,   kHostByName2,
                               kHostByAddress, kUserByName,    kUserById,     kGroupByName,
                               kGroupById,     kServiceByName, kServiceByPort};

class LibcFrames {
 public:
  LibcFrames(const PartnerQuestion& question, ThreadIndex thread)
      : frames_(question.search.frames), stack_(stack_of(question.search.stacks, thread)) {}

  [[nodiscard]] bool is_one_of(std::size_t frame, Names names) const {
    return is_libc(frame) && std::ranges::find(names, name(frame)) != names.end();
  }

  /// The innermost one, at or outside of a frame.
  [[nodiscard]] std::optional<std::size_t> find(Names names, std::size_t from = 0) const {
    for (std::size_t i = from; i < stack_.frames.size(); ++i) {
      if (is_one_of(i, names)) return i;
    }
    return {};
  }

  /// The first frame outwards that a signal interrupted.
  [[nodiscard]] std::optional<std::size_t> find_interrupted() const {
    const auto found = std::ranges::find(stack_.frames, true, &Frame::interrupted);
    if (found == stack_.frames.end()) return {};
    return static_cast<std::size_t>(found - stack_.frames.begin());
  }

  /// The innermost one that may have an arena.
  [[nodiscard]] std::optional<std::size_t> find_malloc() const {
    for (std::size_t i = 0; i < stack_.frames.size(); ++i) {
      if (is_malloc(i)) return i;
    }
    return {};
  }

  /// The one that a signal interrupted there, or in what it had called, and whose handler came to
  /// malloc too.
  [[nodiscard]] std::optional<std::size_t> find_interrupted_malloc() const {
    const auto waiting = find_malloc();
    if (!waiting) return {};
    bool interrupted = false;
    for (std::size_t i = *waiting + 1; i < stack_.frames.size(); ++i) {
      interrupted = is_libc(i) && (interrupted || stack_.frames[i].interrupted);
      if (interrupted && is_malloc(i)) return i;
    }
    return {};
  }

  /// The unwinder lost its way before anything outside libc.
  [[nodiscard]] bool are_lost() const {
    if (stack_.end == StackEnd::kRoot) return false;
    return std::ranges::all_of(stack_.frames, [&](const Frame& frame) {
      return frames_.owner(frame) == FrameOwner::kLibc;
    });
  }

 private:
  [[nodiscard]] bool is_libc(std::size_t frame) const {
    return frames_.owner(stack_.frames[frame]) == FrameOwner::kLibc;
  }
  [[nodiscard]] std::string_view name(std::size_t frame) const {
    return plain_libc_name(frames_.location(stack_.frames[frame]).function);
  }
  [[nodiscard]] bool is_malloc(std::size_t frame) const {
    return is_libc(frame) && takes_malloc_arena(name(frame));
  }

  const ProgramFrames& frames_;
  const Stack& stack_;
};

std::vector<ThreadIndex> find_waiters(const PartnerQuestion& question) {
  std::vector<ThreadIndex> waiters;
  for (const Wait& wait : question.search.diagnosis.waits) {
    if (wait.resource == question.index) waiters.push_back(wait.thread);
  }
  return waiters;
}

std::optional<Names> find_family(const PartnerQuestion& question,
                                 const std::vector<ThreadIndex>& waiters) {
  for (const Names family : kFamilies) {
    const bool all_are_in_it = std::ranges::all_of(waiters, [&](ThreadIndex waiter) {
      return LibcFrames(question, waiter).find(family).has_value();
    });
    if (all_are_in_it) return family;
  }
  return {};
}

}  // namespace

PartnerFinds find_interrupted_by_signal(const PartnerQuestion& question) {
  PartnerFinds finds;
  const auto add = [&](ThreadIndex thread, std::size_t frame) {
    finds.partners.push_back(
        {.thread = thread, .part = Part::kHolds, .frame = program_frame(question, thread, frame)});
  };
  for (const ThreadIndex waiter : find_waiters(question)) {
    const auto frame = LibcFrames(question, waiter).find_interrupted_malloc();
    if (frame) add(waiter, *frame);
  }
  if (finds.partners.empty()) return finds;
  bool some_are_lost = false;
  for (ThreadIndex i = 0; i < question.search.snapshot.threads.size(); ++i) {
    if (waits_for_it(question, i) || has_ended(question.search.snapshot.threads[i])) continue;
    const LibcFrames frames(question, i);
    if (const auto frame = frames.find_malloc()) add(i, *frame);
    some_are_lost = some_are_lost || frames.are_lost();
  }
  finds.complete = finds.partners.size() == 1 && !some_are_lost;
  return finds;
}

PartnerFinds find_threads_in_libc(const PartnerQuestion& question) {
  const std::vector<ThreadIndex> waiters = find_waiters(question);
  const auto family = find_family(question, waiters);
  if (!family) return {};
  PartnerFinds finds;
  for (ThreadIndex i = 0; i < question.search.snapshot.threads.size(); ++i) {
    const LibcFrames frames(question, i);
    const auto interrupted = frames.find_interrupted();
    // Who waits for it can have it only from before a signal came.
    const bool waits = waits_for_it(question, i);
    if (waits && !interrupted) continue;
    if (const auto frame = frames.find(*family, waits ? *interrupted : 0)) {
      finds.partners.push_back({.thread = i, .part = Part::kHolds, .frame = *frame});
    }
  }
  finds.complete = finds.partners.size() == 1;
  return finds;
}

}  // namespace pstuck
