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
//
// A call keeps rbx, rbp, rsp and r12 to r15 (System V ABI, x86-64). What the callee is known to do
// is applied; a stranger may write where its arguments point, and to the heap. That the heap's
// pointers stay the same over such a call is taken for granted.

#include "symbolize/code_steps.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::uint8_t kWord = 8;
constexpr std::uint8_t kHalf = 4;
constexpr std::size_t kMostPlaces = 96;   // of memory that are followed at a time
constexpr std::size_t kMostWritten = 96;  // places outside the frame
constexpr int kDeepestSubstitution = 12;
// How far from where an argument points a stranger is thought to write: more than any guard.
constexpr std::uint64_t kReach = 64;

constexpr std::array<std::uint8_t, 9> kCallerSaved = {kRax, kRcx, kRdx, kRsi, kRdi, 8, 9, 10, 11};
constexpr std::array<std::uint8_t, 6> kArguments = {kRdi, kRsi, kRdx, kRcx, 8, 9};

bool is_word_register(const Operand& operand) {
  return operand.kind == Operand::Kind::kRegister && operand.size == kWord;
}

bool overlap(Formula a, std::uint64_t a_size, Formula b, std::uint64_t b_size) {
  if (a.base != b.base) return false;
  return a.offset - b.offset < b_size || b.offset - a.offset < a_size;
}

/// These bytes hold something that is not known.
void forget(Formula address, std::uint64_t size, FlowState& state) {
  if (!address.known()) return;
  std::erase_if(state.memory, [&](const auto& entry) {
    return overlap(entry.first, entry.second.size, address, size);
  });
  if (Formulas::is_in_own_frame(address) || state.written.size() >= kMostWritten) return;
  std::uint64_t& known_size = state.written[address];
  known_size = std::max(known_size, size);
}

void write(Formula address, KnownPlace place, FlowState& state) {
  forget(address, place.size, state);
  if (address.known() && place.value.known() && state.memory.size() < kMostPlaces) {
    state.memory[address] = place;
  }
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
      return is_stale(entry.first) || is_stale(entry.second.value);
    });
    std::erase_if(state.written, [&](const auto& entry) { return is_stale(entry.first); });
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

Formula CodeSteps::read(Formula address, std::uint8_t size, const Instruction& reader,
                        FlowState& state) {
  if (!address.known()) return {};
  const auto found = state.memory.find(address);
  if (found != state.memory.end() && found->second.size >= size) {
    return size == kHalf ? formulas_.low(found->second.value) : found->second.value;
  }
  // The first word of a thread's control block is its own address.
  if (address == Formulas::thread_pointer()) return Formulas::thread_pointer();
  const bool was_written = std::ranges::any_of(state.written, [&](const auto& entry) {
    return overlap(entry.first, entry.second, address, size);
  });
  const bool is_half_known = found != state.memory.end();
  if (was_written || is_half_known || Formulas::is_in_own_frame(address)) {
    const Formula result = make_result(reader.at, state);
    const Formula value = size == kHalf ? formulas_.low(result) : result;
    // Its own name stands for what is there, until somebody writes.
    if (!is_half_known && value.known() && state.memory.size() < kMostPlaces) {
      state.memory[address] = {value, size};
    }
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
    if (to.size == kWord || to.size == kHalf) {
      write(address, {value, to.size}, state);
    } else {
      forget(address, to.size, state);
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
  write(sp, {word, kWord}, state);
}

void CodeSteps::pop(const Instruction& instruction, FlowState& state) {
  const Formula word = read(state.registers[kRsp], kWord, instruction, state);
  state.registers[kRsp] = state.registers[kRsp] + kWord;
  if (is_word_register(instruction.to)) {
    state.registers[instruction.to.base] = word;
  } else {
    forget(address_of(instruction.to, state), kWord, state);
  }
}

void CodeSteps::leave(const Instruction& instruction, FlowState& state) {
  state.registers[kRsp] = state.registers[kRbp];
  state.registers[kRbp] = read(state.registers[kRsp], kWord, instruction, state);
  state.registers[kRsp] = state.registers[kRsp] + kWord;
}

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
    return !taken.given_back && taken.is_called(lock.lock);
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
    const bool is_another =
        std::ranges::any_of(taken.names, [&](Formula name) { return name.base == lock.lock.base; });
    if (!is_another) taken.certain = false;
  }
  if (!lock.lock.known()) return;
  const auto [entry, is_new] = state.given_back.emplace(lock.lock, lock.certain);
  if (!is_new) entry->second = entry->second || lock.certain;
}

void CodeSteps::forget_written_by_stranger(FlowState& state) const {
  state.met_stranger = true;
  std::erase_if(state.memory,
                [](const auto& entry) { return !Formulas::is_on_stack(entry.first); });
  for (const std::uint8_t argument : kArguments) {
    const Formula pointer = state.registers[argument];
    if (Formulas::is_on_stack(pointer)) forget(pointer, kReach, state);
  }
}

void CodeSteps::apply(const CallEffect& effect, const Instruction& call, FlowState& state) {
  std::vector<CallEffect::Lock> gives_back;
  std::vector<CallEffect::Lock> takes;
  std::vector<std::pair<Formula, std::uint64_t>> forgets;
  std::vector<std::pair<Formula, Formula>> writes;
  // All in terms of what was before the call.
  const auto before = [&](Formula formula) { return substitute(formula, call, state); };
  for (const auto& [lock, certain] : effect.gives_back)
    gives_back.push_back({before(lock), certain});
  for (const auto& [lock, certain] : effect.takes) takes.push_back({before(lock), certain});
  for (const auto& [address, size] : effect.forgets) forgets.emplace_back(before(address), size);
  for (const auto& [address, word] : effect.writes) {
    writes.emplace_back(before(address), before(word));
  }
  if (effect.stranger) forget_written_by_stranger(state);
  for (const auto& [address, size] : forgets) forget(address, size, state);
  for (const auto& [address, word] : writes) write(address, {word, kWord}, state);
  for (const CallEffect::Lock& lock : gives_back) give_back(lock, state);
  for (const auto& [lock, certain] : takes) {
    TakenLock taken{.call = call.at, .names = {}, .certain = certain && !effect.tries};
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
  const Formula result = substitute(effect.result, instruction, state);
  apply(effect, instruction, state);
  if (effect.unread) {
    for (TakenLock& taken : state.taken) taken.certain = false;
  }
  for (const std::uint8_t number : kCallerSaved) state.registers[number] = {};
  state.registers[kRax] = result.known() ? result : make_result(instruction.at, state);
  state.tested.reset();
  state.zero.reset();
  state.tried = effect.tries ? std::optional(instruction.at) : std::nullopt;
}

void CodeSteps::others(const Instruction& instruction, FlowState& state) {
  if (instruction.to.kind == Operand::Kind::kMemory) {
    forget(address_of(instruction.to, state), std::max(instruction.to.size, kWord), state);
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
