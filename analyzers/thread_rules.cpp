// A pool's worker that waits for a notification looks like any other thread that does. What tells
// them apart is the function that waits:
//
//     #1  pthread_cond_wait            libc
//     #2  pool_worker()                is the one that waits: parked for work
//
//     #1  pthread_cond_wait            libc
//     #2  Query::wait_for_result()     is the one that waits: at work, on a job
//     #3  pool_worker()
//
// So a rule for idle threads names the innermost function, or, where a library has no names for its
// functions, says that the thread has never left the library. That and "not under" are certain only
// of a stack that is whole.

#include "analyzers/thread_rules.h"

#include <algorithm>
#include <unordered_map>

#include "attach/syscalls.h"
#include "symbolize/function_patterns.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostFrames = 512;

bool fits_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return !name.empty() && names_function(pattern, name);
  });
}

/// What is the same for all frames at one location.
struct FrameFits {
  std::vector<bool> waits_in, under, not_under, modules;  // by rule
};

class RuleMatcher {
 public:
  RuleMatcher(std::span<const ThreadRule> rules, const Snapshot& snapshot, const Stacks& stacks,
              const ProgramFrames& frames)
      : rules_(rules), stacks_(stacks), frames_(frames) {
    for (const ThreadRule& rule : rules) {
      is_of_process_.push_back(rule.process.empty() ||
                               names_function(rule.process, snapshot.process.name));
    }
  }

  [[nodiscard]] std::optional<std::size_t> find(const Diagnosis& diagnosis, ThreadIndex thread) {
    for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
      if (is_of_process_[rule] && waits_so(rules_[rule], diagnosis, diagnosis.threads[thread]) &&
          stack_fits(rule, thread, diagnosis.threads[thread].frame)) {
        return rule;
      }
    }
    return std::nullopt;
  }

 private:
  static bool waits_so(const ThreadRule& rule, const Diagnosis& diagnosis,
                       const ThreadStatus& status) {
    const bool any = rule.waits_for.empty() && rule.calls.empty();
    const bool is_ask = rule.remark.says != Remark::Says::kIdle;
    switch (status.activity) {
      case Activity::kWaits: {
        const WaitKind kind = diagnosis.waits[*status.wait].kind;
        if (!any) return std::ranges::find(rule.waits_for, kind) != rule.waits_for.end();
        return is_ask || kind == WaitKind::kNotification || kind == WaitKind::kUnit ||
               kind == WaitKind::kChange;
      }
      case Activity::kFutex:
      case Activity::kIdle:
      case Activity::kSleeps:
      case Activity::kBlocked:
        if (!any) return std::ranges::find(rule.calls, status.syscall) != rule.calls.end();
        return is_ask || status.activity != Activity::kBlocked;
      default:
        return false;
    }
  }

  [[nodiscard]] bool stack_fits(std::size_t index, ThreadIndex thread,
                                std::optional<std::size_t> innermost) {
    const ThreadRule& rule = rules_[index];
    const Stack& stack = stacks_.stacks[thread];
    if (!rule.waits_in.empty()) {
      if (!innermost || *innermost >= stack.frames.size()) return false;
      if (!fits(stack.frames[*innermost]).waits_in[index]) return false;
    }
    const bool needs_all = !rule.modules.empty() || !rule.not_under.empty();
    if (needs_all && (stack.end != StackEnd::kRoot || stack.frames.size() > kMostFrames)) {
      return false;
    }
    bool is_under = rule.under.empty();
    bool is_in_modules = rule.modules.empty();
    for (std::size_t i = 0; i < std::min(stack.frames.size(), kMostFrames); ++i) {
      const Frame& frame = stack.frames[i];
      const FrameFits& frame_fits = fits(frame);
      if (frame_fits.not_under[index]) return false;
      is_under = is_under || frame_fits.under[index];
      if (rule.modules.empty() || frames_.owner(frame) == FrameOwner::kLibc) continue;
      if (!frame_fits.modules[index]) return false;
      is_in_modules = true;
    }
    return is_under && is_in_modules;
  }

  const FrameFits& fits(const Frame& frame) {
    const auto [entry, is_new] = fits_.try_emplace(frame.location);
    if (!is_new) return entry->second;
    const std::string name = bare_function_name(frames_.name(frame));
    const std::string& module = frames_.location(frame).module;
    for (const ThreadRule& rule : rules_) {
      entry->second.waits_in.push_back(fits_any(rule.waits_in, name));
      entry->second.under.push_back(fits_any(rule.under, name));
      entry->second.not_under.push_back(fits_any(rule.not_under, name));
      entry->second.modules.push_back(fits_any(rule.modules, module));
    }
    return entry->second;
  }

  std::span<const ThreadRule> rules_;
  const Stacks& stacks_;
  const ProgramFrames& frames_;
  std::vector<bool> is_of_process_;                  // by rule
  std::unordered_map<std::size_t, FrameFits> fits_;  // by location
};

}  // namespace

void apply_rules(std::span<const ThreadRule> rules, const Snapshot& snapshot, const Stacks& stacks,
                 const ProgramFrames& frames, Diagnosis& diagnosis) {
  RuleMatcher matcher(rules, snapshot, stacks, frames);
  std::vector<std::vector<ThreadIndex>> threads_of(rules.size());
  for (ThreadIndex i = 0; i < diagnosis.threads.size() && i < stacks.stacks.size(); ++i) {
    if (const auto rule = matcher.find(diagnosis, i)) threads_of[*rule].push_back(i);
  }
  for (std::size_t rule = 0; rule < rules.size(); ++rule) {
    if (threads_of[rule].empty()) continue;
    for (const ThreadIndex thread : threads_of[rule]) {
      diagnosis.threads[thread].remark = diagnosis.remarks.size();
    }
    diagnosis.remarks.push_back(rules[rule].remark);
  }
}

const Remark* find_remark(const Diagnosis& diagnosis, ThreadIndex thread, Remark::Says says) {
  const auto& remark = diagnosis.threads[thread].remark;
  if (!remark || *remark >= diagnosis.remarks.size()) return nullptr;
  return diagnosis.remarks[*remark].says == says ? &diagnosis.remarks[*remark] : nullptr;
}

bool is_parked(const Diagnosis& diagnosis, ThreadIndex thread) {
  return find_remark(diagnosis, thread, Remark::Says::kIdle) != nullptr;
}

bool is_parked(const Diagnosis& diagnosis, const PileUp& pile_up) {
  return std::ranges::all_of(pile_up.waits, [&](WaitIndex wait) {
    return is_parked(diagnosis, diagnosis.waits[wait].thread);
  });
}

}  // namespace pstuck
