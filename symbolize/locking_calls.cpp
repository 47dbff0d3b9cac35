// Which frame took a lock, without debug information.
//
//     #3  Cache::get      call pthread_mutex_lock   waits, has not got it
//     #4  Router::dispatch
//             mov  %rdi,%rbx
//             lea  0x30(%rbx),%rdi
//             call pthread_mutex_lock               takes {rdi at entry + 0x30}
//             …
//             call Cache::get                       the frame is here, rbx = rdi at entry
//
// LockFlow tells which locks the frame's function holds at the frame's pc, as formulas over what it
// was called with. Here the formulas become addresses: a base is looked for in the registers that
// the unwinder still knows for this frame (rsp, and rbx, rbp, r12 to r15), in the words of the
// stack that the function saved it to, and, when it is an argument, in the caller's frame. What
// comes out is compared with the address of a lock that this thread is known to own: so a wrong
// formula gives no answer rather than a wrong one.

#include "symbolize/locking_calls.h"

#include <algorithm>
#include <map>

#include "symbolize/call_effects.h"
#include "symbolize/function_ranges.h"
#include "symbolize/lock_flow.h"
#include "symbolize/machine_code.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kLongestFunction = 1 << 16;
constexpr int kDeepestEvaluation = 12;
constexpr std::size_t kMostFrames = 256;

/// A function's code and what flows through it.
struct AnalysedFunction {
  AnalysedFunction(FunctionCode function_code, Formulas& formulas, const EffectOfCall& effect_of)
      : code(std::move(function_code)), flow(code, formulas, effect_of) {}

  FunctionCode code;
  LockFlow flow;
};

/// A frame of a function that was really called, with those that were inlined into it.
struct PhysicalFrame {
  std::size_t first = 0;  ///< of the stack's frames: the innermost inlined call
  std::size_t last = 0;   ///< the function itself
  const Frame* frame = nullptr;
  const FlowState* state = nullptr;  ///< null when nothing is known
};

constexpr std::array<MachineRegister, 6> kCalleeSaved = {
    kRbx, kRbp, kR12, static_cast<MachineRegister>(13), static_cast<MachineRegister>(14), kR15};

}  // namespace

class LockingCalls::Impl {
 public:
  Impl(const Snapshot& snapshot, LoadedModules& modules, Memory& memory, SourceLines* lines)
      : snapshot_(snapshot),
        modules_(modules),
        memory_(memory),
        lines_(lines),
        ranges_(modules, memory),
        code_(ranges_, memory),
        effects_(modules, memory, code_, formulas_) {}

  std::vector<LockingCall> find(const Stacks& stacks, std::size_t thread, Address lock);

 private:
  const std::vector<PhysicalFrame>& frames_of(const Stacks& stacks, std::size_t thread);
  const FlowState* state_at(const Frame& frame);
  std::optional<FlowState> analyse(const CodeAddress& pc);
  std::optional<std::uint64_t> evaluate(std::size_t frame, Formula formula, int depth);
  std::optional<std::uint64_t> find_base(std::size_t frame, Formula base, int depth);
  std::optional<std::uint64_t> compute(std::size_t frame, const Formulas::Base& what, int depth);
  std::optional<std::uint64_t> find_in_memory(std::size_t frame, Formula base, int depth);
  LockingCall describe(const Stacks& stacks, const PhysicalFrame& frame, const TakenLock& taken);

  const Snapshot& snapshot_;
  LoadedModules& modules_;
  Memory& memory_;
  SourceLines* lines_;
  FunctionRanges ranges_;
  MachineCode code_;
  Formulas formulas_;
  CallEffects effects_;
  std::unordered_map<std::uint64_t, std::unique_ptr<AnalysedFunction>> functions_;  // by start
  std::map<std::pair<std::uint64_t, bool>, std::optional<FlowState>> states_;       // by pc
  std::optional<std::size_t> thread_;  // that frames_ are of
  std::vector<PhysicalFrame> frames_;
};

std::optional<FlowState> LockingCalls::Impl::analyse(const CodeAddress& pc) {
  const auto module = modules_.find(pc.for_lookup());
  if (!module || modules_.is_c_library(*module)) return {};
  const auto range = ranges_.find(pc.for_lookup());
  if (!range) return {};
  const auto [entry, is_new] = functions_.try_emplace(range->start.value);
  if (is_new) {
    if (auto code = code_.decode(range->start, kLongestFunction)) {
      entry->second = std::make_unique<AnalysedFunction>(
          std::move(*code), formulas_,
          [this](const Instruction& call) -> const CallEffect& { return effects_.of(call); });
    }
  }
  if (!entry->second) return {};
  Address at = pc.address();
  if (pc.is_return_address()) {
    // The call has not returned: what it does has not been done.
    const auto& instructions = entry->second->code.instructions;
    const auto call = std::ranges::find(instructions, at, &Instruction::end);
    if (call == instructions.end() || call->operation != Operation::kCall) return {};
    at = call->at;
  }
  return entry->second->flow.before(at);
}

const FlowState* LockingCalls::Impl::state_at(const Frame& frame) {
  const auto [entry, is_new] =
      states_.try_emplace({frame.pc.address().value, frame.pc.is_return_address()});
  if (is_new) entry->second = analyse(frame.pc);
  return entry->second ? &*entry->second : nullptr;
}

const std::vector<PhysicalFrame>& LockingCalls::Impl::frames_of(const Stacks& stacks,
                                                                std::size_t thread) {
  if (thread_ == thread) return frames_;
  thread_ = thread;
  frames_.clear();
  const std::vector<Frame>& frames = stacks.stacks[thread].frames;
  std::size_t first = 0;
  for (std::size_t i = 0; i < frames.size() && frames_.size() < kMostFrames; ++i) {
    if (frames[i].location < stacks.locations.size() && stacks.at(frames[i]).inlined) continue;
    frames_.push_back({first, i, &frames[i], state_at(frames[i])});
    first = i + 1;
  }
  return frames_;
}

std::optional<std::uint64_t> LockingCalls::Impl::find_in_memory(std::size_t frame, Formula base,
                                                                int depth) {
  for (const auto& [address, word] : frames_[frame].state->memory) {
    if (word.base != base.base || address.base == base.base) continue;
    const auto at = evaluate(frame, address, depth + 1);
    const auto value = at ? memory_.read_object<std::uint64_t>({*at}) : std::nullopt;
    if (value) return *value - word.offset;
  }
  return {};
}

/// From the operands' values.
std::optional<std::uint64_t> LockingCalls::Impl::compute(std::size_t frame,
                                                         const Formulas::Base& what, int depth) {
  const auto of = evaluate(frame, what.of, depth + 1);
  if (!of) return {};
  switch (what.kind) {
    case Formulas::Kind::kLoad:
      return memory_.read_object<std::uint64_t>({*of});
    case Formulas::Kind::kHalfLoad:
      return memory_.read_object<std::uint32_t>({*of});
    case Formulas::Kind::kSigned: {
      const auto half = static_cast<std::int32_t>(static_cast<std::uint32_t>(*of));
      return static_cast<std::uint64_t>(std::int64_t{half});
    }
    case Formulas::Kind::kProduct:
      return *of * what.where;
    case Formulas::Kind::kSum: {
      const auto with = evaluate(frame, what.with, depth + 1);
      return with ? std::optional(*of + *with) : std::nullopt;
    }
    default:
      return {};
  }
}

/// The value of a formula's base in this frame.
std::optional<std::uint64_t> LockingCalls::Impl::find_base(std::size_t index, Formula base,
                                                           int depth) {
  const PhysicalFrame& physical = frames_[index];
  const FlowState& state = *physical.state;
  const Frame& frame = *physical.frame;
  if (state.registers[kRsp].base == base.base && frame.sp) {
    return frame.sp->value - state.registers[kRsp].offset;
  }
  for (std::size_t i = 0; i < kCalleeSaved.size(); ++i) {
    const Formula held = state.registers[kCalleeSaved[i]];
    if (held.base == base.base && frame.callee_saved[i]) {
      return *frame.callee_saved[i] - held.offset;
    }
  }
  if (const auto value = find_in_memory(index, base, depth)) return value;
  const Formulas::Base what = formulas_.base(base);
  if (what.kind != Formulas::Kind::kEntry) return compute(index, what, depth);
  if (index + 1 >= frames_.size()) return {};
  const FlowState* caller = frames_[index + 1].state;
  if (!caller || what.where == kRsp) return {};
  return evaluate(index + 1, caller->registers[what.where], depth + 1);
}

std::optional<std::uint64_t> LockingCalls::Impl::evaluate(std::size_t frame, Formula formula,
                                                          int depth) {
  if (!formula.known() || depth > kDeepestEvaluation) return {};
  const Formulas::Base base = formulas_.base(formula);
  if (base.kind == Formulas::Kind::kZero) return formula.offset;
  if (base.kind == Formulas::Kind::kThreadPointer) {
    const auto pointer = snapshot_.threads[*thread_].registers.thread_pointer;
    return pointer ? std::optional(pointer->value + formula.offset) : std::nullopt;
  }
  const auto value = find_base(frame, {formula.base, 0}, depth);
  return value ? std::optional(*value + formula.offset) : std::nullopt;
}

/// Finds out which of the frame's inlined calls the instruction belongs to: the innermost one that
/// it shares with the place where the frame is now.
LockingCall LockingCalls::Impl::describe(const Stacks& stacks, const PhysicalFrame& frame,
                                         const TakenLock& taken) {
  LockingCall call{.frame = frame.last,
                   .call = taken.call,
                   .file = {},
                   .on_every_path = taken.certain,
                   .given_back = taken.given_back};
  const auto module = lines_ ? modules_.find(taken.call) : std::nullopt;
  if (!module) return call;
  const std::vector<SourceCall> places = lines_->find(*module, taken.call, false);
  if (places.empty()) return call;
  const auto& frames = stacks.stacks[*thread_].frames;
  std::size_t shared = 0;  // counted from the function itself inwards
  const std::size_t depth = std::min(places.size(), frame.last - frame.first + 1);
  while (shared + 1 < depth) {
    const Location& outer = stacks.at(frames[frame.last - shared]);
    const Location& inner = stacks.at(frames[frame.last - shared - 1]);
    const SourceCall& outer_place = places[places.size() - 1 - shared];
    const SourceCall& inner_place = places[places.size() - 2 - shared];
    if (outer.line != outer_place.line || inner.function != inner_place.function) break;
    ++shared;
  }
  call.frame = frame.last - shared;
  call.file = places[places.size() - 1 - shared].file;
  call.line = places[places.size() - 1 - shared].line;
  return call;
}

std::vector<LockingCall> LockingCalls::Impl::find(const Stacks& stacks, std::size_t thread,
                                                  Address lock) {
  std::vector<LockingCall> calls;
  if (thread >= stacks.stacks.size() || thread >= snapshot_.threads.size()) return calls;
  frames_of(stacks, thread);
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (!frames_[i].state) continue;
    const auto& all = frames_[i].state->taken;
    for (auto taken = all.rbegin(); taken != all.rend(); ++taken) {
      const bool is_it = std::ranges::any_of(
          taken->names, [&](Formula name) { return evaluate(i, name, 0) == lock.value; });
      if (is_it) calls.push_back(describe(stacks, frames_[i], *taken));
    }
  }
  return calls;
}

LockingCalls::LockingCalls(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                           SourceLines* lines)
    : impl_(std::make_unique<Impl>(snapshot, modules, memory, lines)) {}

LockingCalls::~LockingCalls() = default;

std::vector<LockingCall> LockingCalls::find(const Stacks& stacks, std::size_t thread,
                                            Address lock) {
  return impl_->find(stacks, thread, lock);
}

}  // namespace pstuck
