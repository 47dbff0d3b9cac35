// Which frame of its owner took a lock.
//
//     #3  Cache::get        std::lock_guard lock(mu_)     mu_ is waited for: not this one's
//     #4  Router::dispatch  std::lock_guard lock(mu_)     a guard in scope: debug information
//                           call pthread_mutex_lock       taken and not given back: the code
//
// Two witnesses are asked. A guard object in scope that refers to the lock names the line, but it
// does not say whether it still has the lock: unique_lock may have given it back. The frame's code
// says that, where it can be followed. So where both speak, the frame that both name is taken;
// where they differ, the code's word counts if it is sure. Of several frames that would do it is
// the innermost: an outer one that still had a lock which is not recursive could not have let an
// inner one take it.
//
// What the standard library does in its own frames (std::lock, a guard's constructor that has not
// returned) is put down to the program's frame that called it.

#include "analyzers/acquisitions.h"

#include <algorithm>
#include <tuple>

namespace pstuck {
namespace {

bool is_within(const Stack& stack, std::size_t frame) { return frame < stack.frames.size(); }

class Attributor {
 public:
  Attributor(const Stacks& stacks, const ProgramFrames& frames, Program& program,
             std::span<const VariableHit> variables, const Diagnosis& diagnosis)
      : stacks_(stacks),
        frames_(frames),
        program_(program),
        variables_(variables),
        diagnosis_(diagnosis) {}

  /// Innermost first; several only for a recursive lock. Empty without evidence.
  [[nodiscard]] std::vector<Acquisition> find(const HeldLock& held) const;

 private:
  [[nodiscard]] std::vector<Acquisition> find_guards(const HeldLock& held) const;
  [[nodiscard]] std::vector<std::pair<Acquisition, bool>> find_calls(const HeldLock& held) const;
  [[nodiscard]] bool waits_for_itself(const HeldLock& held, std::size_t frame) const;
  [[nodiscard]] Acquisition lifted(ThreadIndex thread, Acquisition acquisition) const;
  [[nodiscard]] bool same_function(ThreadIndex thread, std::size_t a, std::size_t b) const;

  const Stacks& stacks_;
  const ProgramFrames& frames_;
  Program& program_;
  std::span<const VariableHit> variables_;
  const Diagnosis& diagnosis_;
};

/// A frame in the standard library stands for the program's frame outside it.
Acquisition Attributor::lifted(ThreadIndex thread, Acquisition acquisition) const {
  const Stack& stack = stacks_.stacks[thread];
  std::size_t frame = acquisition.frame;
  while (is_within(stack, frame) && frames_.owner(stack.frames[frame]) != FrameOwner::kProgram) {
    ++frame;
  }
  if (frame == acquisition.frame || !is_within(stack, frame)) return acquisition;
  const Location& place = frames_.location(stack.frames[frame]);
  return {
      .frame = frame, .by = acquisition.by, .variable = {}, .file = place.file, .line = place.line};
}

/// In a deadlock of one, the frame that waits has a guard for the lock too.
bool Attributor::waits_for_itself(const HeldLock& held, std::size_t frame) const {
  if (held.thread >= diagnosis_.threads.size()) return false;
  const auto& wait = diagnosis_.threads[held.thread].wait;
  if (!wait || diagnosis_.waits[*wait].resource != held.resource) return false;
  return frame <= diagnosis_.waits[*wait].frame.value_or(0);
}

std::vector<Acquisition> Attributor::find_guards(const HeldLock& held) const {
  std::vector<Acquisition> guards;
  const Address lock = diagnosis_.resources[held.resource].address;
  for (const VariableHit& hit : variables_) {
    if (hit.relation != VariableHit::Relation::kGuards || hit.lock != lock ||
        hit.thread != held.thread || waits_for_itself(held, hit.frame)) {
      continue;
    }
    const Acquisition guard = lifted(held.thread, {.frame = hit.frame,
                                                   .by = AttributedBy::kGuard,
                                                   .variable = hit.variable,
                                                   .file = hit.file,
                                                   .line = hit.line});
    if (guards.empty() || guards.back().frame != guard.frame) guards.push_back(guard);
  }
  return guards;
}

std::vector<std::pair<Acquisition, bool>> Attributor::find_calls(const HeldLock& held) const {
  std::vector<std::pair<Acquisition, bool>> calls;
  const Address lock = diagnosis_.resources[held.resource].address;
  for (const LockingCall& call : program_.find_locking_calls(stacks_, held.thread, lock)) {
    const Acquisition taken = lifted(held.thread, {.frame = call.frame,
                                                   .by = AttributedBy::kLockingCode,
                                                   .variable = {},
                                                   .file = call.file,
                                                   .line = call.line});
    calls.emplace_back(taken, call.on_every_path);
  }
  return calls;
}

/// Two frames of one stack are calls inlined into the same function that was really called.
bool Attributor::same_function(ThreadIndex thread, std::size_t a, std::size_t b) const {
  const auto& frames = stacks_.stacks[thread].frames;
  return frames[a].pc.address() == frames[b].pc.address() && frames[a].sp == frames[b].sp;
}

std::vector<Acquisition> Attributor::find(const HeldLock& held) const {
  std::vector<Acquisition> guards = find_guards(held);
  std::vector<std::pair<Acquisition, bool>> calls = find_calls(held);
  const auto confirms = [&](const Acquisition& guard, bool surely) {
    return std::any_of(calls.begin(), calls.end(), [&](const auto& call) {
      return (call.second || !surely) && same_function(held.thread, call.first.frame, guard.frame);
    });
  };
  const bool some_call_is_sure =
      std::any_of(calls.begin(), calls.end(), [](const auto& call) { return call.second; });
  std::vector<Acquisition> found;
  for (const Acquisition& guard : guards) {
    if (confirms(guard, some_call_is_sure)) found.push_back(guard);
  }
  // Where a guard and a call are the same taking, the guard's line is the better one.
  for (const auto& [call, is_sure] : calls) {
    if (is_sure != some_call_is_sure) continue;
    // clang 14 captures no structured bindings.
    const auto is_same = [&, frame = call.frame](const Acquisition& other) {
      return same_function(held.thread, other.frame, frame);
    };
    const bool told = std::any_of(found.begin(), found.end(), is_same);
    if (!told && (is_sure || guards.empty())) found.push_back(call);
  }
  if (found.empty()) found = guards;
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.frame < b.frame; });
  const std::size_t depth = std::max<std::size_t>(diagnosis_.resources[held.resource].recursion, 1);
  if (found.size() > depth) found.resize(depth);
  return found;
}

}  // namespace

void attribute_frames(const Stacks& stacks, const ProgramFrames& frames, Program& program,
                      std::span<const VariableHit> variables, Diagnosis& diagnosis) {
  const Attributor attributor(stacks, frames, program, variables, diagnosis);
  std::vector<HeldLock> attributed;
  for (HeldLock held : diagnosis.held) {
    if (held.thread >= stacks.stacks.size()) continue;
    const Stack& stack = stacks.stacks[held.thread];
    bool has_frame = false;
    for (const Acquisition& acquisition : attributor.find(held)) {
      if (!is_within(stack, acquisition.frame)) continue;
      held.acquisition = acquisition;
      attributed.push_back(held);
      has_frame = true;
    }
    if (!has_frame) attributed.push_back(held);
  }
  const auto rank = [](const HeldLock& held) {
    const std::size_t frame = held.acquisition ? held.acquisition->frame : SIZE_MAX;
    return std::tuple(held.thread, frame, held.resource);
  };
  std::ranges::stable_sort(attributed, {}, rank);
  diagnosis.held = std::move(attributed);
}

}  // namespace pstuck
