#include "analyzers/progress.h"

#include <algorithm>

#include "analyzers/resources.h"

// A holder that runs is slow, or spins, or does a long piece of work: one look cannot tell. From
// several looks it is told what stays the same.
//
//     1st  main  worker_main  Parser::parse  Parser::scan  next_token
//     2nd  main  worker_main  Parser::parse  Parser::scan  skip_space
//     3rd  main  worker_main  Parser::parse  Parser::scan
//                                            ^ the innermost function that it never left
//
// Stacks are compared from the outermost frame on, by function: a loop stands in another line at
// every look. That a thread is in the same functions at all looks does not prove that it did not
// leave them in between, and the words must not say so.
//
// Whether a thread ran is told by its counters. A stop for its stack is a context switch too, and
// costs some ten microseconds of its own time: of a thread that was stopped only its processor
// time counts, and not the first hundredth.

namespace pstuck {
namespace {

constexpr std::size_t kMostCaptured = 32;
constexpr std::size_t kMostWatched = 1000;
constexpr int kShareOfAStop = 100;

bool runs(const Diagnosis& diagnosis, ThreadIndex thread) {
  return diagnosis.threads[thread].activity == Activity::kRuns;
}

Sampled pick(const Diagnosis& diagnosis, const std::vector<bool>& is_captured,
             const std::vector<bool>& is_watched) {
  Sampled sampled;
  for (ThreadIndex i = 0; i < diagnosis.threads.size(); ++i) {
    if (is_captured[i] && sampled.captured.size() < kMostCaptured) {
      sampled.captured.push_back(i);
    } else if ((is_captured[i] || is_watched[i]) && sampled.watched.size() < kMostWatched) {
      sampled.watched.push_back(i);
    }
  }
  return sampled;
}

/// Without a symbol only the same address is surely the same function.
bool is_same_function(const Location& a, const Location& b) {
  if (a.module != b.module || a.function != b.function) return false;
  return !a.function.empty() || a.module_offset == b.module_offset;
}

bool has_ended(const ThreadSnapshot& thread) { return thread.state == 'X' || thread.state == 'Z'; }

bool is_in_kernel(const Syscall& syscall) {
  return syscall.state == SyscallState::kInSyscall || syscall.state == SyscallState::kReturned;
}

/// What the capture saw of a thread.
struct Captured {
  const Syscall& syscall;
  const Stacks& stacks;
  const Stack& stack;
  const std::vector<std::size_t>& functions;  // ThreadStatus::functions
};

class ThreadComparison {
 public:
  // `at`: the thread's place in the looks.
  ThreadComparison(const Captured& captured, std::size_t at, std::span<const SampledLook> looks)
      : captured_(captured), at_(at), looks_(looks) {}

  ThreadProgress run(bool was_stopped) && {
    const ThreadSnapshot& first = looks_.front().sample.threads[at_];
    const ThreadSnapshot& last = looks_.back().sample.threads[at_];
    if (first.cpu_time && last.cpu_time) {
      progress_.cpu_time = std::max(*last.cpu_time - *first.cpu_time, std::chrono::nanoseconds(0));
    }
    if (first.kernel_time && last.kernel_time) {
      progress_.kernel_time =
          std::max(*last.kernel_time - *first.kernel_time, std::chrono::nanoseconds(0));
    }
    progress_.ended = has_ended(last);
    progress_.ran = progress_.ended || ran(first, last, was_stopped);
    if (was_stopped) compare_stacks();
    return progress_;
  }

 private:
  [[nodiscard]] bool ran(const ThreadSnapshot& first, const ThreadSnapshot& last,
                         bool was_stopped) const {
    if (was_stopped) {
      const auto span = looks_.back().sample.monotonic - looks_.front().sample.monotonic;
      return progress_.cpu_time && *progress_.cpu_time > span / kShareOfAStop;
    }
    return first.switches != last.switches ||
           (progress_.cpu_time && progress_.cpu_time->count() > 0);
  }

  void compare_stacks() {
    const Stack& own = captured_.stack;
    if (own.frames.empty()) return;
    progress_.stacks = 1;
    progress_.same_frames = own.frames.size();
    std::vector<std::int64_t> calls;
    if (is_in_kernel(captured_.syscall)) calls.push_back(captured_.syscall.number);
    for (const SampledLook& look : looks_) {
      if (at_ >= look.stacks.stacks.size() || look.stacks.stacks[at_].frames.empty()) continue;
      ++progress_.stacks;
      const Syscall& syscall = look.sample.threads[at_].syscall;
      if (is_in_kernel(syscall)) calls.push_back(syscall.number);
      progress_.same_frames =
          std::min(progress_.same_frames, count_same(own, look.stacks, look.stacks.stacks[at_]));
    }
    progress_.in_kernel = calls.size();
    const bool alike = std::ranges::adjacent_find(calls, std::not_equal_to{}) == calls.end();
    if (alike && !calls.empty()) progress_.syscall = calls.front();
    progress_.frame = find_frame(own);
  }

  [[nodiscard]] std::size_t count_same(const Stack& own, const Stacks& stacks,
                                       const Stack& later) const {
    const auto is_same = [&](const Frame& a, const Frame& b) {
      return is_same_function(captured_.stacks.at(a), stacks.at(b));
    };
    const auto [differs, other] =
        std::mismatch(own.frames.rbegin(), own.frames.rend(), later.frames.rbegin(),
                      later.frames.rend(), is_same);
    return static_cast<std::size_t>(differs - own.frames.rbegin());
  }

  /// The innermost of the same frames that is the program's own; else the innermost.
  [[nodiscard]] std::optional<std::size_t> find_frame(const Stack& own) const {
    const std::size_t first = own.frames.size() - progress_.same_frames;
    for (std::size_t i = first; i < own.frames.size(); ++i) {
      const auto& functions = captured_.functions;
      if (std::ranges::find(functions, own.frames[i].location) != functions.end()) return i;
    }
    return first < own.frames.size() ? std::optional(first) : std::nullopt;
  }

  Captured captured_;
  std::size_t at_;
  std::span<const SampledLook> looks_;
  ThreadProgress progress_;
};

}  // namespace

Sampled find_held_up_by_running(const Diagnosis& diagnosis) {
  std::vector<bool> is_captured(diagnosis.threads.size());
  std::vector<bool> is_watched(diagnosis.threads.size());
  for (const PileUp& pile_up : diagnosis.pile_ups) {
    const Resource& resource = diagnosis.resources[pile_up.resource];
    if (!holds_up(resource)) continue;
    for (const WaitIndex wait : pile_up.waits) is_watched[diagnosis.waits[wait].thread] = true;
    for (const ThreadIndex thread : find_who_must_act(resource)) {
      (runs(diagnosis, thread) ? is_captured : is_watched)[thread] = true;
    }
  }
  return pick(diagnosis, is_captured, is_watched);
}

Sampled find_all_to_sample(const Diagnosis& diagnosis) {
  std::vector<bool> is_captured;
  for (ThreadIndex i = 0; i < diagnosis.threads.size(); ++i) {
    is_captured.push_back(runs(diagnosis, i));
  }
  return pick(diagnosis, is_captured, std::vector<bool>(diagnosis.threads.size(), true));
}

Samples compare_samples(const Snapshot& snapshot, const Stacks& stacks, const Diagnosis& diagnosis,
                        const Sampled& sampled, std::span<const SampledLook> looks) {
  if (looks.size() < 2) return {};
  Samples samples{.looks = looks.size(),
                  .span = looks.back().sample.monotonic - looks.front().sample.monotonic};
  const auto compare = [&](ThreadIndex thread, bool was_stopped) {
    const Captured captured{snapshot.threads[thread].syscall, stacks, stacks.stacks.at(thread),
                            diagnosis.threads[thread].functions};
    ThreadComparison comparison(captured, samples.threads.size(), looks);
    samples.threads.push_back(std::move(comparison).run(was_stopped));
    samples.threads.back().thread = thread;
  };
  for (const ThreadIndex thread : sampled.captured) compare(thread, true);
  for (const ThreadIndex thread : sampled.watched) compare(thread, false);
  std::ranges::sort(samples.threads, {}, &ThreadProgress::thread);
  return samples;
}

}  // namespace pstuck
