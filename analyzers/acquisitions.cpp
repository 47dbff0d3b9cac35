// Which frame of its owner took a lock.
//
//     #3  Cache::get        std::lock_guard lock(mu_)     mu_ is waited for: not this one's
//     #4  Router::dispatch  std::lock_guard lock(mu_)     a guard in scope: debug information
//                           call pthread_mutex_lock       taken and not given back: the code
//
// Two witnesses are asked. A guard object in scope that refers to the lock names the line, but it
// does not say whether it has the lock: unique_lock may have given it back, or never have taken it.
// The frame's code says that, where it can be followed. So where both speak, the frame that both
// name is taken; where they differ, the code's word counts if it is sure. A guard that can be
// without its lock, as any of the program's own classes can, needs the code's word, and no guard
// counts where the code has seen the lock given back. Of several frames that would do it is the
// innermost: an outer one that still had a lock which is not recursive could not have let an inner
// one take it.
//
// What the standard library does in its own frames (std::lock, a guard's constructor that has not
// returned) is put down to the program's frame that called it.

#include "analyzers/acquisitions.h"

#include <algorithm>

#include "analyzers/guard_types.h"
#include "analyzers/held_locks.h"

namespace pstuck {
namespace {

bool is_within(const Stack& stack, std::size_t frame) { return frame < stack.frames.size(); }

struct Guard {
  Acquisition place;
  bool can_be_empty = false;  ///< it may exist without having the lock
};

struct Call {
  Acquisition place;
  bool is_sure = false;
  bool given_back = false;
};

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
  [[nodiscard]] std::vector<Guard> find_guards(const HeldLock& held) const;
  [[nodiscard]] std::vector<Call> find_calls(const HeldLock& held) const;
  [[nodiscard]] bool waits_for_itself(const HeldLock& held, std::size_t frame) const;
  [[nodiscard]] Acquisition lifted(ThreadIndex thread, Acquisition acquisition) const;

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

std::vector<Guard> Attributor::find_guards(const HeldLock& held) const {
  std::vector<Guard> guards;
  const Address lock = diagnosis_.resources[held.resource].address;
  for (const VariableHit& hit : variables_) {
    if (hit.relation != VariableHit::Relation::kGuards || hit.lock != lock ||
        hit.thread != held.thread || waits_for_itself(held, hit.frame)) {
      continue;
    }
    const Acquisition place = lifted(held.thread, {.frame = hit.frame,
                                                   .by = AttributedBy::kGuard,
                                                   .variable = hit.variable,
                                                   .file = hit.file,
                                                   .line = hit.line});
    if (!guards.empty() && guards.back().place.frame == place.frame) continue;
    guards.push_back({place, can_be_empty(hit.variable_type)});
  }
  return guards;
}

std::vector<Call> Attributor::find_calls(const HeldLock& held) const {
  std::vector<Call> calls;
  const Address lock = diagnosis_.resources[held.resource].address;
  for (const LockingCall& call : program_.find_locking_calls(stacks_, held.thread, lock)) {
    const Acquisition place = lifted(held.thread, {.frame = call.frame,
                                                   .by = AttributedBy::kLockingCode,
                                                   .variable = {},
                                                   .file = call.file,
                                                   .line = call.line});
    calls.push_back({place, call.on_every_path, call.given_back});
  }
  return calls;
}

std::vector<Acquisition> Attributor::find(const HeldLock& held) const {
  const std::vector<Guard> guards = find_guards(held);
  const std::vector<Call> calls = find_calls(held);
  const auto& frames = stacks_.stacks[held.thread].frames;
  const auto some_call = [&](auto is_wanted) {
    return std::any_of(calls.begin(), calls.end(), is_wanted);
  };
  const bool some_is_sure =
      some_call([](const Call& call) { return call.is_sure && !call.given_back; });
  const auto counts = [&](const Call& call) {
    return !call.given_back && call.is_sure == some_is_sure;
  };
  std::vector<Acquisition> confirmed;
  std::vector<Acquisition> alone;
  for (const Guard& guard : guards) {
    const auto is_here = [&](const Call& call) {
      return is_same_function(frames[call.place.frame], frames[guard.place.frame]);
    };
    if (some_call([&](const Call& call) { return counts(call) && is_here(call); })) {
      confirmed.push_back(guard.place);
    } else if (!guard.can_be_empty && !some_call(is_here)) {
      alone.push_back(guard.place);
    }
  }
  std::vector<Acquisition> found = confirmed;
  for (const Call& call : calls) {
    if (!counts(call)) continue;
    // Where a guard and a call are the same taking, the guard's line is the better one.
    const bool is_told = std::any_of(found.begin(), found.end(), [&](const Acquisition& other) {
      return is_same_function(frames[other.frame], frames[call.place.frame]);
    });
    if (!is_told && (some_is_sure || alone.empty())) found.push_back(call.place);
  }
  if (found.empty()) found = alone;
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
    if (held.thread >= stacks.stacks.size()) {
      attributed.push_back(held);
      continue;
    }
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
  diagnosis.held = std::move(attributed);
  sort_held(diagnosis);
}

}  // namespace pstuck
