#pragma once

/// Functions written down instruction by instruction.

#include <gtest/gtest.h>

#include <map>

#include "symbolize/lock_flow.h"

namespace pstuck::testing {

inline constexpr std::uint64_t kStart = 0x1000;
inline constexpr Address kLock{0x9000};
inline constexpr Address kTryLock{0x9100};
inline constexpr Address kUnlock{0x9200};
inline constexpr Address kWork{0x9300};
inline constexpr Address kGuard{0x9400};         // guard(rdi, rsi): takes rsi, keeps it in *rdi
inline constexpr Address kUnguard{0x9500};       // gives back what *rdi keeps
inline constexpr Address kAcquireGuard{0x9600};  // takes rdi when it returns another number than 0
inline constexpr Address kWaitUnit{0x9700};
inline constexpr Address kPostUnit{0x9800};
inline constexpr Address kReadLock{0x9900};
inline constexpr Address kArrive{0x9a00};
inline constexpr Address kContended{0x9b00};  // takes rdi, a word that the code around it tried for

inline Operand reg(MachineRegister number) {
  return {.kind = Operand::Kind::kRegister, .size = 8, .base = number};
}
inline Operand at(MachineRegister base, std::int64_t displacement = 0) {
  return {.kind = Operand::Kind::kMemory, .size = 8, .base = base, .number = displacement};
}
inline Operand element(MachineRegister base, MachineRegister index, std::uint8_t scale) {
  Operand place = at(base);
  place.index = index;
  place.scale = scale;
  return place;
}
inline Operand number(std::int64_t value) {
  return {.kind = Operand::Kind::kNumber, .size = 8, .number = value};
}

/// Every instruction is one byte long, so that the nth stands at kStart + n.
class Function : public ::testing::Test {
 protected:
  void add(Operation operation, Operand to = {}, Operand from = {}) {
    Instruction instruction{.at = here(), .length = 1, .operation = operation};
    instruction.to = to;
    instruction.from = from;
    code_.instructions.push_back(instruction);
  }
  void move(Operand to, Operand from) { add(Operation::kMove, to, from); }
  void lea(MachineRegister to, Operand from) { add(Operation::kLoadAddress, reg(to), from); }
  Address call(Address function) {
    add(Operation::kCall);
    code_.instructions.back().target = function;
    return code_.instructions.back().at;
  }
  std::size_t jump(Operation operation = Operation::kJump) {
    add(operation);
    return code_.instructions.size() - 1;
  }
  void land(std::size_t jump) { code_.instructions[jump].target = here(); }
  void test_result() { add(Operation::kTest, reg(kRax), reg(kRax)); }
  /// Is word 0, then 1 from here on? The flags tell.
  void try_word(Operand word) {
    move(reg(kRcx), number(1));
    add(Operation::kClear, reg(kRax));
    add(Operation::kCompareExchange, word, reg(kRcx));
  }
  void clear_word(Operand word) {
    add(Operation::kClear, reg(kRax));
    add(Operation::kExchange, word, reg(kRax));
  }
  void ret() { add(Operation::kReturn); }
  [[nodiscard]] Address here() const { return {kStart + code_.instructions.size()}; }

  LockFlow flow() {
    code_.range = {{kStart}, here()};
    return {code_, formulas_,
            [this](const Instruction& call) -> const CallEffect& {
              return effects_[call.target.value_or(Address{}).value];
            },
            budget_};
  }

  /// "rdi+48", "[rdi+8]?" with a mark for what is not certain; joined by blanks.
  std::string taken_at(Address instruction) {
    const auto state = flow().before(instruction);
    if (!state) return "unreached";
    std::string text;
    for (const TakenLock& taken : state->taken) {
      if (taken.given_back) continue;
      if (!text.empty()) text += ' ';
      text += taken.names.empty() ? "unknown" : describe(taken.names.front());
      if (!taken.certain) text += '?';
    }
    return text;
  }

  std::string describe(Formula formula) {
    if (!formula.known()) return "unknown";
    const Formulas::Base& base = formulas_.base(formula);
    const std::string beyond =
        formula.offset == 0 ? "" : "+" + std::to_string(static_cast<std::int64_t>(formula.offset));
    switch (base.kind) {
      case Formulas::Kind::kZero:
        return std::to_string(formula.offset);
      case Formulas::Kind::kEntry:
        return (base.where == kRdi ? "rdi" : base.where == kRsi ? "rsi" : "entry") + beyond;
      case Formulas::Kind::kLoad:
        return "[" + describe(base.of) + "]" + beyond;
      case Formulas::Kind::kSum:
        return "(" + describe(base.of) + " + " + describe(base.with) + ")" + beyond;
      case Formulas::Kind::kProduct:
        return describe(base.of) + "*" + std::to_string(base.where) + beyond;
      case Formulas::Kind::kJoined:
        return "joined" + beyond;
      default:
        return "result" + beyond;
    }
  }

  void SetUp() override {
    const Formula rdi = Formulas::entry(kRdi);
    const Formula rsi = Formulas::entry(kRsi);
    effects_[kLock.value] = {.stranger = false, .takes = {{rdi}}};
    effects_[kTryLock.value] = {.stranger = false, .tries = true, .takes = {{rdi}}};
    effects_[kUnlock.value] = {.stranger = false, .gives_back = {{rdi}}};
    effects_[kGuard.value] = {.stranger = false, .takes = {{rsi}}, .writes = {{rdi, rsi}}};
    effects_[kUnguard.value] = {.stranger = false, .gives_back = {{formulas_.load(rdi)}}};
    effects_[kAcquireGuard.value] = {
        .stranger = false, .tries = true, .taken_if_zero = false, .takes = {{rdi}}};
    effects_[kWaitUnit.value] = {.stranger = false,
                                 .takes = {{rdi, true, false, LockFamily::kSemaphore}}};
    effects_[kPostUnit.value] = {.stranger = false,
                                 .gives_back = {{rdi, true, false, LockFamily::kSemaphore}}};
    effects_[kReadLock.value] = {.stranger = false, .takes = {{rdi, true, true}}};
    effects_[kContended.value] = {.stranger = false,
                                  .takes = {{rdi, true, false, LockFamily::kWord}}};
    effects_[kArrive.value] = {.acts = {{rdi, Act::kArrives}}};
  }

  FunctionCode code_;
  Formulas formulas_;
  std::size_t budget_ = 100'000;
  std::map<std::uint64_t, CallEffect> effects_;
};

}  // namespace pstuck::testing
