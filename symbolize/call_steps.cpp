// What a call changes.
//
// A call keeps rbx, rbp, rsp and r12 to r15 (System V ABI, x86-64). What the callee is known to do
// is applied: its formulas are over what it was called with, so that is put into them. A stranger
// may write where its arguments point, and to the heap; that the heap's pointers stay the same over
// such a call is taken for granted.

#include <algorithm>

#include "symbolize/code_steps.h"

namespace pstuck {
namespace {

constexpr std::uint8_t kWord = 8;
constexpr int kDeepestSubstitution = 12;
constexpr std::size_t kMostActs = 16;  // of one function
// How far from where an argument points a stranger is thought to write: more than any guard.
constexpr std::uint64_t kReach = 64;

constexpr std::array<std::uint8_t, 9> kCallerSaved = {kRax, kRcx, kRdx, kRsi, kRdi, 8, 9, 10, 11};

}  // namespace

Formula CodeSteps::substitute(Formula formula, const Instruction& call, FlowState& state,
                              int depth) {
  if (!formula.known() || depth > kDeepestSubstitution) return {};
  const Formulas::Base base = formulas_.base(formula);
  const auto of = [&](Formula operand) { return substitute(operand, call, state, depth + 1); };
  Formula value;
  switch (base.kind) {
    case Formulas::Kind::kZero:
    case Formulas::Kind::kThreadPointer:
      return formula;
    case Formulas::Kind::kEntry:
      if (base.where != kRsp) value = state.registers[base.where];
      break;
    case Formulas::Kind::kLoad:
      value = read(of(base.of), kWord, call, state);
      break;
    case Formulas::Kind::kLow:
      value = formulas_.low(of(base.of));
      break;
    case Formulas::Kind::kSigned:
      value = formulas_.sign_extended(of(base.of));
      break;
    case Formulas::Kind::kSum:
      value = formulas_.sum(of(base.of), of(base.with));
      break;
    case Formulas::Kind::kProduct:
      value = formulas_.product(of(base.of), base.where);
      break;
    case Formulas::Kind::kResult:
    case Formulas::Kind::kJoined:
      break;
  }
  return value.base == 0 ? Formulas::number(value.offset + formula.offset) : value + formula.offset;
}

void CodeSteps::give_back(const CallEffect::Lock& lock, FlowState& state) const {
  const auto is_it = [&](const TakenLock& taken) {
    return !taken.given_back && taken.family == lock.family && taken.is_called(lock.lock);
  };
  const auto same = std::find_if(state.taken.rbegin(), state.taken.rend(), is_it);
  if (lock.lock.known() && same != state.taken.rend()) {
    if (!lock.certain) {
      same->certain = false;
      return;
    }
    // Where it was taken on one of several paths, then whichever it was.
    const bool was_certain = same->certain;
    for (TakenLock& taken : state.taken) {
      if (is_it(taken) && (was_certain ? &taken == &*same : !taken.certain)) {
        taken.given_back = true;
      }
    }
    return;
  }
  // One that the caller took, or any of those that are not surely another one.
  for (TakenLock& taken : state.taken) {
    if (taken.family != lock.family) continue;
    const bool is_another =
        std::ranges::any_of(taken.names, [&](Formula name) { return name.base == lock.lock.base; });
    if (!is_another) taken.certain = false;
  }
  if (!lock.lock.known()) return;
  const auto [entry, is_new] =
      state.given_back.emplace(GivenBack{lock.lock, lock.family}, lock.certain);
  if (!is_new) entry->second = entry->second || lock.certain;
}

void CodeSteps::forget_written_by_stranger(FlowState& state) const {
  state.met_stranger = true;
  state.memory.erase_if([](const auto& entry) { return !Formulas::is_on_stack(entry.first); });
  for (const MachineRegister argument : kArgumentRegisters) {
    const Formula pointer = state.registers[argument];
    if (Formulas::is_on_stack(pointer)) state.forget(pointer, kReach);
  }
}

CallDeeds CodeSteps::deeds_of(const CallEffect& effect, const Instruction& call, FlowState& state) {
  CallDeeds deeds{effect.takes, effect.gives_back, effect.acts};
  for (CallEffect::Lock& lock : deeds.takes) lock.lock = substitute(lock.lock, call, state);
  for (CallEffect::Lock& lock : deeds.gives_back) lock.lock = substitute(lock.lock, call, state);
  for (auto& [object, act] : deeds.acts) object = substitute(object, call, state);
  const bool does_act = std::ranges::all_of(effect.acts_when, [&](const auto& condition) {
    return substitute(condition.first, call, state) == Formulas::number(condition.second);
  });
  if (!does_act) deeds.acts.clear();
  return deeds;
}

CallDeeds CodeSteps::deeds_of(const Instruction& call, FlowState& state) {
  if (call.operation == Operation::kExchange) {
    CallDeeds deeds;
    if (const auto lock = cleared_by(call, state)) deeds.gives_back.push_back(*lock);
    return deeds;
  }
  if (call.operation == Operation::kFetchAdd) {
    return {.takes = {},
            .gives_back = {{.lock = address_of(call.to, state), .family = LockFamily::kCounter}},
            .acts = {}};
  }
  return deeds_of(effect_of_(call), call, state);
}

void CodeSteps::apply(const CallEffect& effect, const Instruction& call, FlowState& state) {
  std::vector<std::pair<Formula, std::uint64_t>> forgets;
  std::vector<std::pair<Formula, Formula>> writes;
  // All in terms of what was before the call.
  const auto before = [&](Formula formula) { return substitute(formula, call, state); };
  const CallDeeds deeds = deeds_of(effect, call, state);
  for (const auto& [address, size] : effect.forgets) forgets.emplace_back(before(address), size);
  for (const auto& [address, word] : effect.writes) {
    writes.emplace_back(before(address), before(word));
  }
  if (effect.stranger) forget_written_by_stranger(state);
  for (const auto& [address, size] : forgets) state.forget(address, size);
  for (const auto& [address, word] : writes) state.write(address, {word, kWord});
  for (const CallEffect::Lock& lock : deeds.gives_back) give_back(lock, state);
  for (const CallEffect::Lock& lock : deeds.takes) {
    TakenLock taken{.call = call.at,
                    .names = {},
                    .certain = lock.certain && !effect.tries,
                    .shared = lock.shared,
                    .family = lock.family};
    if (lock.lock.known()) taken.names.push_back(lock.lock);
    state.take(std::move(taken));
  }
  for (const auto& act : deeds.acts) {
    if (act.first.known() && state.acts.size() < kMostActs) state.acts.insert(act);
  }
}

void CodeSteps::call(const Instruction& instruction, FlowState& state) {
  const CallEffect& effect = effect_of_(instruction);
  const Formula result = substitute(effect.result, instruction, state);
  apply(effect, instruction, state);
  if (effect.unread) {
    for (TakenLock& taken : state.taken) taken.certain = false;
  }
  for (const std::uint8_t number : kCallerSaved) state.registers[number] = {};
  state.registers[kRax] = result.known() ? result : make_result(instruction.at, state);
  state.tested.reset();
  state.zero.reset();
  state.tried.reset();
  if (effect.tries) state.tried = {instruction.at, effect.taken_if_zero};
}

}  // namespace pstuck
