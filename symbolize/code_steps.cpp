// One instruction at a time.
//
// Only what carries pointers is followed: moves of words and their halves, addresses, sums and
// products. All else that writes a register makes a value of its own, "the result of this
// instruction", which can still be found again wherever it is moved to.
//
// A place in memory holds what the function wrote there. Where it wrote nothing, it holds what it
// held at entry, "[address]"; but not in the function's own stack frame, and not where somebody
// wrote what could not be followed. Reading such a place makes a result too. Two formulas for one
// address go unnoticed: what then comes out wrong must still be the address of a lock that the
// thread owns before anybody believes it.

#include "symbolize/code_steps.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::uint8_t kWord = 8;
constexpr std::uint8_t kHalf = 4;

bool is_word_register(const Operand& operand) {
  return operand.kind == Operand::Kind::kRegister && operand.size == kWord;
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
    state.memory.erase_if(
        [&](const auto& entry) { return is_stale(entry.first) || is_stale(entry.second.value); });
    state.written.erase_if([&](const auto& entry) { return is_stale(entry.first); });
    for (TakenLock& taken : state.taken) std::erase_if(taken.names, is_stale);
    std::erase_if(state.acts, [&](const auto& act) { return is_stale(act.first); });
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

Formula CodeSteps::read(Formula address, std::uint8_t size, const Instruction& reader,
                        FlowState& state) {
  if (!address.known()) return {};
  const auto found = state.memory.find(address);
  if (found != state.memory.end() && found->second.size >= size) {
    return size == kHalf ? formulas_.low(found->second.value) : found->second.value;
  }
  // The first word of a thread's control block is its own address.
  if (address == Formulas::thread_pointer()) return Formulas::thread_pointer();
  const bool is_half_known = found != state.memory.end();
  if (state.was_written(address, size) || is_half_known || Formulas::is_in_own_frame(address)) {
    const Formula result = make_result(reader.at, state);
    const Formula value = size == kHalf ? formulas_.low(result) : result;
    // Its own name stands for what is there, until somebody writes.
    if (!is_half_known) state.keep(address, {value, size});
    return value;
  }
  const Formula word = formulas_.load(address);
  return size == kHalf ? formulas_.low(word) : word;
}

Formula CodeSteps::value_of(const Operand& operand, const Instruction& reader, FlowState& state) {
  const bool is_half = operand.size == kHalf;
  if (operand.size != kWord && !is_half) return {};
  switch (operand.kind) {
    case Operand::Kind::kRegister: {
      const Formula value = state.registers[operand.base];
      return is_half ? formulas_.low(value) : value;
    }
    case Operand::Kind::kNumber: {
      const auto value = static_cast<std::uint64_t>(operand.number);
      return Formulas::number(is_half ? value & 0xffffffff : value);
    }
    case Operand::Kind::kMemory:
      return read(address_of(operand, state), operand.size, reader, state);
    case Operand::Kind::kNone:
      break;
  }
  return {};
}

void CodeSteps::move(const Instruction& instruction, FlowState& state) {
  const Operand& to = instruction.to;
  if (to.kind == Operand::Kind::kMemory) {
    const Formula value = value_of(instruction.from, instruction, state);
    const Formula address = address_of(to, state);
    doubt_word(address, state);
    if (to.size == kWord || to.size == kHalf) {
      state.write(address, {value, to.size});
    } else {
      state.forget(address, to.size);
    }
    return;
  }
  if (to.kind != Operand::Kind::kRegister || to.size < kHalf) return others(instruction, state);
  set_word(instruction, value_of(instruction.from, instruction, state), state);
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
  const Formula value = value_of(operand, instruction, state);
  set_word(instruction, formulas_.product(value, instruction.factor), state);
}

void CodeSteps::extend(const Instruction& instruction, FlowState& state) {
  if (!is_word_register(instruction.to)) return others(instruction, state);
  const Formula value = value_of(instruction.from, instruction, state);
  set_word(instruction, formulas_.sign_extended(value), state);
}

void CodeSteps::add(const Instruction& instruction, FlowState& state) {
  const bool is_sum = instruction.operation == Operation::kAdd;
  if (!is_word_register(instruction.to)) return others(instruction, state);
  const Formula a = state.registers[instruction.to.base];
  const Formula b = instruction.from.kind == Operand::Kind::kNumber
                        ? Formulas::number(static_cast<std::uint64_t>(instruction.from.number))
                        : value_of(instruction.from, instruction, state);
  Formula sum;
  if (is_sum) {
    sum = formulas_.sum(a, b);
  } else if (b.base == 0) {
    sum = a + (0 - b.offset);
  }
  set_word(instruction, sum, state);
}

void CodeSteps::push(const Instruction& instruction, FlowState& state) {
  const Formula word = value_of(instruction.to, instruction, state);
  Formula& sp = state.registers[kRsp];
  sp = sp + (0 - std::uint64_t{kWord});
  state.write(sp, {word, kWord});
}

void CodeSteps::pop(const Instruction& instruction, FlowState& state) {
  const Formula word = read(state.registers[kRsp], kWord, instruction, state);
  state.registers[kRsp] = state.registers[kRsp] + kWord;
  if (is_word_register(instruction.to)) {
    state.registers[instruction.to.base] = word;
  } else {
    state.forget(address_of(instruction.to, state), kWord);
  }
}

void CodeSteps::leave(const Instruction& instruction, FlowState& state) {
  state.registers[kRsp] = state.registers[kRbp];
  state.registers[kRbp] = read(state.registers[kRsp], kWord, instruction, state);
  state.registers[kRsp] = state.registers[kRsp] + kWord;
}

void CodeSteps::others(const Instruction& instruction, FlowState& state) {
  doubt_word(address_of(instruction.to, state), state);
  forget_written(instruction, state);
}

void CodeSteps::forget_written(const Instruction& instruction, FlowState& state) {
  if (instruction.to.kind == Operand::Kind::kMemory) {
    state.forget(address_of(instruction.to, state), std::max(instruction.to.size, kWord));
  }
  if (instruction.writes_string) state.memory.clear();
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
    const bool is_register = tested.kind == Operand::Kind::kRegister;
    state.tested = is_register && tested.base == kRax ? state.tried : std::nullopt;
    const Formula value =
        is_register ? state.registers[tested.base] : value_of(tested, instruction, state);
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
  const bool is_result =
      instruction.to.kind == Operand::Kind::kRegister && instruction.to.base == kRax;
  if (is_result && state.tested) {
    const bool is_same = instruction.operation == Operation::kSetIfNotZero;
    state.tried = {state.tested->call, state.tested->taken_if_zero == is_same};
  }
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
    case Operation::kExchange:
      return exchange(instruction, state);
    case Operation::kFetchAdd:
      return fetch_add(instruction, state);
    case Operation::kCompareExchange:
      return compare_exchange(instruction, state);
    case Operation::kClear:
      state.registers[instruction.to.base] = Formulas::number(0);
      return;
    case Operation::kPush:
      return push(instruction, state);
    case Operation::kPop:
      return pop(instruction, state);
    case Operation::kLeave:
      return leave(instruction, state);
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
