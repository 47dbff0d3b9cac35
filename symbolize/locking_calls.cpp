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
// LockFlow tells which locks the frame's function has taken at the frame's pc, as formulas over
// what it was called with; FrameValues makes addresses of them. What comes out is compared with the
// address of a lock that this thread is known to own: so a formula that cannot be followed gives no
// answer rather than a wrong one.

#include "symbolize/locking_calls.h"

#include <algorithm>
#include <map>

#include "symbolize/call_effects.h"
#include "symbolize/frame_values.h"
#include "symbolize/function_ranges.h"
#include "symbolize/lock_flow.h"
#include "symbolize/machine_code.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kLongestFunction = 1 << 16;
// Instructions that all analyses of one diagnosis together may go through, some 0.3 µs each.
constexpr std::size_t kMostSteps = 4'000'000;
constexpr std::size_t kMostFrames = 256;

/// A function's code and what flows through it.
struct AnalysedFunction {
  AnalysedFunction(FunctionCode function_code, Formulas& formulas, const EffectOfCall& effect_of,
                   std::size_t& budget)
      : code(std::move(function_code)), flow(code, formulas, effect_of, budget) {}

  FunctionCode code;
  LockFlow flow;
};

/// An object of a frame's function, and what it is to the frame at its pc.
struct NamedUse {
  Formula object;
  ObjectUse use;  ///< without the object, the thread and the frame
};

/// What is known at one pc.
struct KnownCode {
  std::optional<FlowState> state;
  Address function;
  std::optional<Address> calls;  ///< as FrameFacts has it
  AnalysedFunction* analysed = nullptr;
  std::optional<Address> pending;  ///< the call that the frame is in, when its name tells all
  std::optional<std::vector<NamedUse>> uses;  ///< once they were asked for
  std::vector<bool> returns;                  ///< by state->taken: ObjectUse::returns_it
  std::vector<Formula> given_ahead;           ///< words that may come to be given back
};

/// Whether frames further in have given back a lock that they had not taken: then a frame that took
/// it before it called them has it no more.
struct GivenInside {
  bool surely = false;
  bool maybe = false;
};

/// A frame of a function that was really called, with those that were inlined into it.
struct PhysicalFrame {
  std::size_t first = 0;  ///< of the stack's frames: the innermost inlined call
  std::size_t last = 0;   ///< the function itself
};

}  // namespace

class LockingCalls::Impl {
 public:
  Impl(const Snapshot& snapshot, LoadedModules& modules, Memory& memory, FunctionRanges& ranges,
       SourceLines* lines, std::span<const OwnLockFunction> own)
      : snapshot_(snapshot),
        modules_(modules),
        memory_(memory),
        lines_(lines),
        ranges_(ranges),
        code_(ranges_, memory),
        effects_(modules, memory, code_, formulas_, budget_, own) {}

  std::vector<LockingCall> find(const Stacks& stacks, std::size_t thread, Address lock);
  std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                             std::size_t frame, std::size_t number);
  std::vector<ObjectUse> find_uses(const Stacks& stacks, std::span<const Address> objects);

 private:
  void look_at(const Stacks& stacks, std::size_t thread);
  KnownCode& code_at(const CodeAddress& pc);
  void look_ahead(const CodeAddress& pc, KnownCode& known);
  void add_uses(const Stacks& stacks, std::size_t frame, std::span<const Address> objects,
                std::vector<ObjectUse>& found);
  [[nodiscard]] bool is_on_its_way_back(std::size_t frame);
  KnownCode analyse(const CodeAddress& pc);
  AnalysedFunction* function_at(Address start);
  [[nodiscard]] GivenInside find_given_inside(std::size_t frame, Address lock);
  LockingCall describe(const Stacks& stacks, const PhysicalFrame& frame, const TakenLock& taken);

  const Snapshot& snapshot_;
  LoadedModules& modules_;
  Memory& memory_;
  SourceLines* lines_;
  FunctionRanges& ranges_;
  MachineCode code_;
  Formulas formulas_;
  std::size_t budget_ = kMostSteps;
  CallEffects effects_;
  std::unordered_map<std::uint64_t, std::unique_ptr<AnalysedFunction>> functions_;  // by start
  std::map<std::pair<std::uint64_t, bool>, KnownCode> known_;                       // by pc
  std::optional<std::size_t> thread_;  // that the rest is of
  std::vector<PhysicalFrame> frames_;
  std::optional<FrameValues> values_;
};

AnalysedFunction* LockingCalls::Impl::function_at(Address start) {
  const auto [entry, is_new] = functions_.try_emplace(start.value);
  if (is_new) {
    if (auto code = code_.decode(start, kLongestFunction)) {
      entry->second = std::make_unique<AnalysedFunction>(
          std::move(*code), formulas_,
          [this](const Instruction& call) -> const CallEffect& { return effects_.of(call); },
          budget_);
    }
  }
  return entry->second.get();
}

KnownCode LockingCalls::Impl::analyse(const CodeAddress& pc) {
  KnownCode known;
  const auto module = modules_.find(pc.for_lookup());
  if (!module || modules_.is_c_library(*module)) return known;
  const auto range = ranges_.find(pc.for_lookup());
  AnalysedFunction* function = range ? function_at(range->start) : nullptr;
  if (!function) return known;
  known.function = range->start;
  Address at = pc.address();
  if (pc.is_return_address()) {
    // The call has not returned: what it does has not been done.
    const auto& instructions = function->code.instructions;
    const auto call = std::ranges::find(instructions, at, &Instruction::end);
    if (call == instructions.end() || call->operation != Operation::kCall) return known;
    at = call->at;
    known.calls = effects_.find_target(*call);
    if (effects_.is_known_by_name(*call)) known.pending = at;
  }
  known.state = function->flow.before(at);
  known.analysed = function;
  return known;
}

KnownCode& LockingCalls::Impl::code_at(const CodeAddress& pc) {
  const auto [entry, is_new] = known_.try_emplace({pc.address().value, pc.is_return_address()});
  if (is_new) entry->second = analyse(pc);
  return entry->second;
}

void LockingCalls::Impl::look_at(const Stacks& stacks, std::size_t thread) {
  if (thread_ == thread) return;
  thread_ = thread;
  frames_.clear();
  std::vector<FrameFacts> facts;
  const std::vector<Frame>& frames = stacks.stacks[thread].frames;
  std::size_t first = 0;
  for (std::size_t i = 0; i < frames.size() && frames_.size() < kMostFrames; ++i) {
    if (frames[i].location < stacks.locations.size() && stacks.at(frames[i]).inlined) continue;
    const KnownCode& known = code_at(frames[i].pc);
    frames_.push_back({first, i});
    facts.push_back({.state = known.state ? &*known.state : nullptr,
                     .function = known.function,
                     .calls = known.calls,
                     .sp = frames[i].sp,
                     .callee_saved = frames[i].callee_saved});
    first = i + 1;
  }
  values_.emplace(formulas_, memory_, snapshot_.threads[thread].registers.thread_pointer,
                  std::move(facts));
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

// The state is the one before the call: the registers hold what it passes.
std::optional<std::uint64_t> LockingCalls::Impl::find_argument(const Stacks& stacks,
                                                               std::size_t thread,
                                                               std::size_t frame,
                                                               std::size_t number) {
  if (thread >= stacks.stacks.size() || thread >= snapshot_.threads.size()) return {};
  if (number == 0 || number > kArgumentRegisters.size()) return {};
  const auto& stack = stacks.stacks[thread].frames;
  if (frame >= stack.size() || !stack[frame].pc.is_return_address()) return {};
  look_at(stacks, thread);
  const auto found = std::ranges::find(frames_, frame, &PhysicalFrame::last);
  if (found == frames_.end()) return {};
  const auto index = static_cast<std::size_t>(found - frames_.begin());
  const FlowState* state = values_->frames()[index].state;
  if (!state) return {};
  return values_->evaluate(index, state->registers[kArgumentRegisters[number - 1]]);
}

GivenInside LockingCalls::Impl::find_given_inside(std::size_t frame, Address lock) {
  GivenInside found;
  for (std::size_t i = 0; i < frame; ++i) {
    const FlowState* state = values_->frames()[i].state;
    if (!state) continue;
    for (const auto& [given, certain] : state->given_back) {
      if (values_->evaluate(i, given.lock) != lock.value) continue;
      found.maybe = true;
      found.surely = found.surely || certain;
    }
  }
  return found;
}

std::vector<LockingCall> LockingCalls::Impl::find(const Stacks& stacks, std::size_t thread,
                                                  Address lock) {
  std::vector<LockingCall> calls;
  if (thread >= stacks.stacks.size() || thread >= snapshot_.threads.size()) return calls;
  look_at(stacks, thread);
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const FlowState* state = values_->frames()[i].state;
    if (!state) continue;
    for (auto taken = state->taken.rbegin(); taken != state->taken.rend(); ++taken) {
      const bool is_it = std::ranges::any_of(
          taken->names, [&](Formula name) { return values_->evaluate(i, name) == lock.value; });
      if (!is_it) continue;
      const GivenInside given = find_given_inside(i, lock);
      LockingCall& call = calls.emplace_back(describe(stacks, frames_[i], *taken));
      call.on_every_path = call.on_every_path && !given.maybe;
      call.given_back = call.given_back || given.surely;
    }
  }
  return calls;
}

/// What the frame's call does, and what may come behind it.
void LockingCalls::Impl::look_ahead(const CodeAddress& pc, KnownCode& known) {
  known.uses.emplace();
  if (!known.state) return;
  using Kind = ObjectUse::Kind;
  LockFlow& flow = known.analysed->flow;
  const Address from = pc.address();
  const auto add = [&](Kind kind, Formula object) {
    if (object.known()) known.uses->push_back({object, {.kind = kind}});
  };
  if (known.pending) {
    for (const auto& [object, act] : flow.deeds_at(*known.pending).acts) {
      if (act == Act::kRunsOnce) add(Kind::kRunsOnce, object);
      if (act == Act::kNotifies) add(Kind::kNotifies, object);
    }
  }
  const auto is_semaphore = [](const auto& lock) { return counts_units(lock.family); };
  for (const CallAhead& call : flow.calls_ahead(from)) {
    for (const auto& [object, act] : call.deeds.acts) {
      if (act == Act::kArrives) add(Kind::kArrives, object);
      if (act == Act::kNotifies) add(Kind::kNotifies, object);
    }
    for (const CallEffect::Lock& lock : call.deeds.gives_back) {
      if (is_semaphore(lock) && flow.may_give_back(from, lock)) add(Kind::kWillGive, lock.lock);
      if (lock.family == LockFamily::kWord) known.given_ahead.push_back(lock.lock);
    }
  }
  for (const TakenLock& taken : known.state->taken) {
    const bool may_return = is_semaphore(taken) && !taken.given_back;
    known.returns.push_back(may_return && flow.surely_gives_back(from, taken));
  }
  for (const auto& [given, certain] : known.state->given_back) add(Kind::kGaveBack, given.lock);
}

void LockingCalls::Impl::add_uses(const Stacks& stacks, std::size_t frame,
                                  std::span<const Address> objects, std::vector<ObjectUse>& found) {
  KnownCode& known = code_at(stacks.stacks[*thread_].frames[frames_[frame].last].pc);
  if (!known.state) return;
  if (!known.uses) look_ahead(stacks.stacks[*thread_].frames[frames_[frame].last].pc, known);
  const auto find_object = [&](Formula name) -> std::optional<Address> {
    const auto value = values_->evaluate(frame, name);
    if (!value || !std::ranges::binary_search(objects, Address{*value})) return {};
    return Address{*value};
  };
  const auto add = [&](ObjectUse use, Address object, std::size_t in_frame) {
    use.object = object;
    use.thread = *thread_;
    use.frame = in_frame;
    found.push_back(use);
  };
  for (const NamedUse& named : *known.uses) {
    if (const auto object = find_object(named.object)) {
      add(named.use, *object, frames_[frame].last);
    }
  }
  // Else its guard may be with a function that has not shown what it did with it.
  const auto is_given_ahead = [&](Address object) {
    return std::ranges::any_of(known.given_ahead, [&](Formula name) {
      return values_->evaluate(frame, name) == object.value;
    });
  };
  for (std::size_t i = 0; i < known.state->taken.size(); ++i) {
    const TakenLock& taken = known.state->taken[i];
    for (const Formula name : taken.names) {
      const auto object = find_object(name);
      if (!object) continue;
      const GivenInside given = find_given_inside(frame, *object);
      const bool is_gone = taken.given_back || given.surely;
      add({.kind = is_gone ? ObjectUse::Kind::kGaveBack : ObjectUse::Kind::kTook,
           .on_every_path = taken.certain && !given.maybe &&
                            (taken.family != LockFamily::kWord || is_given_ahead(*object)),
           .shared = taken.shared,
           .returns_it = known.returns[i]},
          *object, describe(stacks, frames_[frame], taken).frame);
      break;
    }
  }
}

/// A wait for a condition variable can end with a jump to the function that takes the lock again.
/// Then the frame has called another function than the one that the thread is in.
bool LockingCalls::Impl::is_on_its_way_back(std::size_t frame) {
  if (frame == 0) return false;
  const Address inner = values_->frames()[frame - 1].function;
  return values_->frames()[frame].calls != inner && effects_.takes_word(inner);
}

std::vector<ObjectUse> LockingCalls::Impl::find_uses(const Stacks& stacks,
                                                     std::span<const Address> objects) {
  std::vector<ObjectUse> found;
  if (objects.empty()) return found;
  const std::size_t threads = std::min(stacks.stacks.size(), snapshot_.threads.size());
  for (std::size_t thread = 0; thread < threads; ++thread) {
    look_at(stacks, thread);
    const std::size_t before = found.size();
    bool is_doubted = false;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      is_doubted = is_doubted || is_on_its_way_back(i);
      add_uses(stacks, i, objects, found);
    }
    for (std::size_t i = before; is_doubted && i < found.size(); ++i)
      found[i].on_every_path = false;
  }
  return found;
}

LockingCalls::LockingCalls(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                           FunctionRanges& ranges, SourceLines* lines,
                           std::span<const OwnLockFunction> own)
    : impl_(std::make_unique<Impl>(snapshot, modules, memory, ranges, lines, own)) {}

LockingCalls::~LockingCalls() = default;

std::vector<ObjectUse> LockingCalls::find_uses(const Stacks& stacks,
                                               std::span<const Address> objects) {
  return impl_->find_uses(stacks, objects);
}

std::vector<LockingCall> LockingCalls::find(const Stacks& stacks, std::size_t thread,
                                            Address lock) {
  return impl_->find(stacks, thread, lock);
}

std::optional<std::uint64_t> LockingCalls::find_argument(const Stacks& stacks, std::size_t thread,
                                                         std::size_t frame, std::size_t number) {
  return impl_->find_argument(stacks, thread, frame, number);
}

}  // namespace pstuck
