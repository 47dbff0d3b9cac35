// One instruction at a time.
//
// Only what carries pointers is followed: moves of whole words, addresses and their sums. All else
// that writes a register makes a value of its own, "the result of this instruction", which can
// still be found again wherever it is moved to. Memory is the words that the function has written,
// by the formulas of their addresses; two formulas for one address go unnoticed, which can only
// make a formula wrong whose value is then compared with a lock's address and differs.
//
// A call keeps rbx, rbp, rsp and r12 to r15 (System V ABI, x86-64). What the callee is known to do
// is applied; a stranger may write where its arguments point, and outside the stack.

#include "symbolize/code_steps.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::uint64_t kWord = 8;
constexpr std::size_t kMostWords = 96;  // of memory that is followed at a time
constexpr int kDeepestSubstitution = 12;
// How far from where an argument points a stranger is thought to write: more than any guard.
constexpr std::uint64_t kReach = 64;

constexpr std::array<std::uint8_t, 9> kCallerSaved = {kRax, kRcx, kRdx, kRsi, kRdi, 8, 9, 10, 11};
constexpr std::array<std::uint8_t, 6> kArguments = {kRdi, kRsi, kRdx, kRcx, 8, 9};

bool is_word_register(const Operand& operand) {
  return operand.kind == Operand::Kind::kRegister && operand.size == kWord;
}

void write(Formula address, Formula word, FlowState& state) {
  if (!address.known()) return;
  if (!word.known()) {
    state.memory.erase(address);
  } else if (state.memory.size() < kMostWords || state.memory.contains(address)) {
    state.memory[address] = word;
  }
}

/// The bytes from `address` on are not known any more, nor is a word that they are a part of.
void forget(Formula address, std::uint64_t size, FlowState& state) {
  if (!address.known()) return;
  std::erase_if(state.memory, [&](const auto& entry) {
    const Formula at = entry.first;
    return at.base == address.base && at.offset - address.offset + (kWord - 1) < size + kWord - 1;
  });
}

}  // namespace

Formula CodeSteps::make_result(Address instruction, FlowState& state) {
  if (formulas_.has_result(instruction)) {
    // It ran before, in a loop: what was computed then has no name any more.
    const auto is_stale = [&](Formula formula) {
      return formulas_.mentions(formula, Formulas::Kind::kResult, instruction.value);
    };
    for (Formula& word : state.registers) {
      if (is_stale(word)) word = {};
    }
    std::erase_if(state.memory, [&](const auto& entry) {
      return is_stale(entry.first) || is_stale(entry.second);
    });
    for (TakenLock& taken : state.taken) std::erase_if(taken.names, is_stale);
  }
  return formulas_.result(instruction);
}

Formula CodeSteps::address_of(const Operand& place, const FlowState& state) {
  if (place.kind != Operand::Kind::kMemory) return {};
  const auto displacement = static_cast<std::uint64_t>(place.number);
  if (place.thread_relative) {
    // fs:0 holds the thread pointer itself: it is read as a word, see read().
    if (place.base != kNoRegister || place.index != kNoRegister) return {};
    return Formulas::thread_pointer() + displacement;
  }
  Formula address = Formulas::number(displacement);
  if (place.base != kNoRegister) address = formulas_.sum(address, state.registers[place.base]);
  if (place.index != kNoRegister) {
    const Formula index = formulas_.product(state.registers[place.index], place.scale);
    address = formulas_.sum(address, index);
  }
  return address;
}

Formula CodeSteps::read(Formula address, const FlowState& state) {
  if (!address.known()) return {};
  const auto found = state.memory.find(address);
  if (found != state.memory.end()) return found->second;
  // The first word of a thread's control block is its own address.
  if (address == Formulas::thread_pointer()) return Formulas::thread_pointer();
  return formulas_.load(address);
}

Formula CodeSteps::value_of(const Operand& operand, const FlowState& state) {
  switch (operand.kind) {
    case Operand::Kind::kRegister: {
      const Formula value = state.registers[operand.base];
      if (operand.size == kWord) return value;
      // Half of a register is the whole when the upper half is known to be empty.
      const bool is_half = value.known() && value.offset == 0 && operand.size == kWord / 2 &&
                           formulas_.base(value).kind == Formulas::Kind::kHalfLoad;
      return is_half ? value : Formula{};
    }
    case Operand::Kind::kNumber: {
      const auto value = static_cast<std::uint64_t>(operand.number);
      return Formulas::number(operand.size == 4 ? value & 0xffffffff : value);
    }
    case Operand::Kind::kMemory: {
      const Formula address = address_of(operand, state);
      if (operand.size == kWord) return read(address, state);
      return operand.size == kWord / 2 ? formulas_.half_load(address) : Formula{};
    }
    case Operand::Kind::kNone:
      break;
  }
  return {};
}

void CodeSteps::move(const Instruction& instruction, FlowState& state) {
  const Operand& to = instruction.to;
  if (to.kind == Operand::Kind::kMemory) {
    const Formula address = address_of(to, state);
    forget(address, to.size, state);
    if (to.size == kWord) write(address, value_of(instruction.from, state), state);
    return;
  }
  if (to.kind != Operand::Kind::kRegister) return others(instruction, state);
  const bool fills_register = to.size == kWord || to.size == 4;
  Formula value = fills_register ? value_of(instruction.from, state) : Formula{};
  if (!value.known() && to.size == kWord) value = make_result(instruction.at, state);
  state.registers[to.base] = value;
}

void CodeSteps::load_address(const Instruction& instruction, FlowState& state) {
  if (!is_word_register(instruction.to)) return others(instruction, state);
  set_word(instruction, address_of(instruction.from, state), state);
}

/// What is not known is at least a value of its own.
void CodeSteps::set_word(const Instruction& instruction, Formula value, FlowState& state) {
  if (!value.known()) value = make_result(instruction.at, state);
  state.registers[instruction.to.base] = value;
}

void CodeSteps::scale(const Instruction& instruction, FlowState& state) {
  if (!is_word_register(instruction.to)) return others(instruction, state);
  const Operand& operand =
      instruction.operation == Operation::kMultiply ? instruction.from : instruction.to;
  set_word(instruction, formulas_.product(value_of(operand, state), instruction.factor), state);
}

void CodeSteps::extend(const Instruction& instruction, FlowState& state) {
  if (!is_word_register(instruction.to)) return others(instruction, state);
  Operand from = instruction.from;
  if (from.kind == Operand::Kind::kRegister) from.size = kWord;
  set_word(instruction, formulas_.sign_extended(value_of(from, state)), state);
}

void CodeSteps::add(const Instruction& instruction, FlowState& state) {
  const bool is_sum = instruction.operation == Operation::kAdd;
  if (!is_word_register(instruction.to)) return others(instruction, state);
  const Formula a = state.registers[instruction.to.base];
  const Formula b = instruction.from.kind == Operand::Kind::kNumber
                        ? Formulas::number(static_cast<std::uint64_t>(instruction.from.number))
                        : value_of(instruction.from, state);
  Formula sum;
  if (is_sum) {
    sum = formulas_.sum(a, b);
  } else if (a.known() && b.base == 0) {
    sum = a + (0 - b.offset);
  }
  set_word(instruction, sum, state);
}

void CodeSteps::push(const Instruction& instruction, FlowState& state) {
  const Formula word = value_of(instruction.to, state);
  Formula& sp = state.registers[kRsp];
  if (!sp.known()) return;
  sp = sp + (0 - kWord);
  write(sp, word, state);
}

void CodeSteps::pop(MachineRegister into, FlowState& state) {
  Formula& sp = state.registers[kRsp];
  const Formula word = read(sp, state);
  if (sp.known()) sp = sp + kWord;
  if (into != kNoRegister) state.registers[into] = word;
}

Formula CodeSteps::substitute(Formula formula, const FlowState& state, int depth) {
  if (!formula.known() || depth > kDeepestSubstitution) return {};
  const Formulas::Base base = formulas_.base(formula);
  switch (base.kind) {
    case Formulas::Kind::kZero:
    case Formulas::Kind::kThreadPointer:
      return formula;
    case Formulas::Kind::kEntry: {
      if (base.where == kRsp) return {};
      const Formula value = state.registers[base.where];
      return value.known() ? value + formula.offset : Formula{};
    }
    case Formulas::Kind::kLoad: {
      const Formula value = read(substitute(base.of, state, depth + 1), state);
      return value.known() ? value + formula.offset : Formula{};
    }
    case Formulas::Kind::kHalfLoad:
      return formulas_.sum(formulas_.half_load(substitute(base.of, state, depth + 1)),
                           Formulas::number(formula.offset));
    case Formulas::Kind::kSigned:
      return formulas_.sum(formulas_.sign_extended(substitute(base.of, state, depth + 1)),
                           Formulas::number(formula.offset));
    case Formulas::Kind::kSum:
      return formulas_.sum(formulas_.sum(substitute(base.of, state, depth + 1),
                                         substitute(base.with, state, depth + 1)),
                           Formulas::number(formula.offset));
    case Formulas::Kind::kProduct:
      return formulas_.sum(formulas_.product(substitute(base.of, state, depth + 1), base.where),
                           Formulas::number(formula.offset));
    case Formulas::Kind::kResult:
    case Formulas::Kind::kJoined:
      break;
  }
  return {};
}

void CodeSteps::give_back(Formula lock, FlowState& state) const {
  const auto is_it = [&](const TakenLock& taken) {
    return !taken.given_back && taken.is_called(lock);
  };
  const auto same = std::find_if(state.taken.rbegin(), state.taken.rend(), is_it);
  if (lock.known() && same != state.taken.rend()) {
    // Where it was taken on one of several paths, then whichever it was.
    const bool was_certain = same->certain;
    for (TakenLock& taken : state.taken) {
      if (is_it(taken) && (was_certain ? &taken == &*same : !taken.certain)) {
        taken.given_back = true;
      }
    }
    return;
  }
  // One of those that could not be followed, or one that the caller took.
  for (TakenLock& taken : state.taken) {
    if (!lock.known() || taken.names.empty()) taken.certain = false;
  }
  if (lock.known()) state.given_back.insert(lock);
}

void CodeSteps::forget_written_by_stranger(FlowState& state) const {
  std::erase_if(state.memory,
                [](const auto& entry) { return !Formulas::is_on_stack(entry.first); });
  for (const std::uint8_t argument : kArguments) {
    const Formula pointer = state.registers[argument];
    if (Formulas::is_on_stack(pointer)) forget(pointer, kReach, state);
  }
}

void CodeSteps::apply(const CallEffect& effect, const Instruction& call, FlowState& state) {
  const FlowState before = state;
  for (const auto& [address, word] : effect.writes) {
    write(substitute(address, before), substitute(word, before), state);
  }
  for (const Formula& lock : effect.gives_back) give_back(substitute(lock, before), state);
  for (const CallEffect::Take& take : effect.takes) {
    const bool certain = take.certain && !effect.tries;
    const Formula lock = substitute(take.lock, state);
    TakenLock taken{.call = call.at, .names = {}, .certain = certain};
    if (lock.known()) taken.names.push_back(lock);
    // In a loop a call may have taken others before, of which one that nothing tells is enough.
    std::erase_if(state.taken, [&](const TakenLock& other) {
      return other.call == taken.call && other.names == taken.names;
    });
    state.taken.push_back(std::move(taken));
  }
}

void CodeSteps::call(const Instruction& instruction, FlowState& state) {
  const CallEffect& effect = effect_of_(instruction);
  const Formula result = substitute(effect.result, state);
  if (effect.known) {
    apply(effect, instruction, state);
  } else {
    forget_written_by_stranger(state);
  }
  for (const std::uint8_t number : kCallerSaved) state.registers[number] = {};
  state.registers[kRax] = result.known() ? result : make_result(instruction.at, state);
  state.tested.reset();
  state.zero.reset();
  state.tried = effect.tries ? std::optional(instruction.at) : std::nullopt;
}

void CodeSteps::others(const Instruction& instruction, FlowState& state) {
  if (instruction.to.kind == Operand::Kind::kMemory) {
    forget(address_of(instruction.to, state), std::max<std::uint64_t>(instruction.to.size, kWord),
           state);
  }
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    if ((instruction.written >> i & 1) == 0) continue;
    const bool is_word = is_word_register(instruction.to) && instruction.to.base == i;
    state.registers[i] = is_word ? make_result(instruction.at, state) : Formula{};
  }
}

/// Whether eax, then the flags, still tell how a trial to lock went, and what they say of a number.
void CodeSteps::follow_flags(const Instruction& instruction, FlowState& state) {
  if (instruction.operation == Operation::kTest) {
    const Operand& tested = instruction.to;
    const bool is_result = tested.kind == Operand::Kind::kRegister && tested.base == kRax;
    state.tested = is_result ? state.tried : std::nullopt;
    Operand whole = tested;
    if (whole.kind == Operand::Kind::kRegister) whole.size = kWord;
    const Formula value = value_of(whole, state);
    const std::uint64_t bits =
        tested.size == kWord ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * tested.size) - 1;
    state.zero = value.base == 0 ? std::optional((value.offset & bits) == 0) : std::nullopt;
  } else if (instruction.writes_flags) {
    state.tested.reset();
    state.zero.reset();
  }
  if ((instruction.written >> kRax & 1) != 0) state.tried.reset();
}

void CodeSteps::set_by_flags(const Instruction& instruction, FlowState& state) {
  others(instruction, state);
  if (!state.zero || instruction.to.kind != Operand::Kind::kRegister) return;
  const bool is_set = *state.zero == (instruction.operation == Operation::kSetIfZero);
  state.registers[instruction.to.base] = Formulas::number(is_set ? 1 : 0);
}

void CodeSteps::step(const Instruction& instruction, FlowState& state) {
  follow_flags(instruction, state);
  switch (instruction.operation) {
    case Operation::kMove:
      return move(instruction, state);
    case Operation::kLoadAddress:
      return load_address(instruction, state);
    case Operation::kAdd:
    case Operation::kSubtract:
      return add(instruction, state);
    case Operation::kShiftLeft:
    case Operation::kMultiply:
      return scale(instruction, state);
    case Operation::kExtend:
      return extend(instruction, state);
    case Operation::kSetIfZero:
    case Operation::kSetIfNotZero:
      return set_by_flags(instruction, state);
    case Operation::kClear:
      state.registers[instruction.to.base] = Formulas::number(0);
      return;
    case Operation::kPush:
      return push(instruction, state);
    case Operation::kPop:
      return pop(is_word_register(instruction.to) ? instruction.to.base : kNoRegister, state);
    case Operation::kLeave:
      state.registers[kRsp] = state.registers[kRbp];
      return pop(kRbp, state);
    case Operation::kCall:
      return call(instruction, state);
    case Operation::kOther:
      return others(instruction, state);
    case Operation::kNothing:
    case Operation::kTest:
    case Operation::kJump:
    case Operation::kJumpIfZero:
    case Operation::kJumpIfNotZero:
    case Operation::kJumpIf:
    case Operation::kReturn:
    case Operation::kStop:
      return;
  }
}

}  // namespace pstuck
