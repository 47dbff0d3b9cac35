#pragma once

#include <functional>

#include "symbolize/flow_state.h"
#include "symbolize/machine_code.h"

namespace pstuck {

/// What a call does; the reference stays valid until the next one is asked for.
using EffectOfCall = std::function<const CallEffect&(const Instruction& call)>;

/// What a call does to locks and other objects, in the terms of the function that calls.
struct CallDeeds {
  std::vector<CallEffect::Lock> takes;
  std::vector<CallEffect::Lock> gives_back;
  std::vector<std::pair<Formula, Act>> acts;
};

/// Changes a FlowState as an instruction changes registers and memory.
class CodeSteps {
 public:
  CodeSteps(Formulas& formulas, EffectOfCall effect_of)
      : formulas_(formulas), effect_of_(std::move(effect_of)) {}

  void step(const Instruction& instruction, FlowState& state);

  /// What a call of another function does, as a jump that ends this one.
  void step_tail_call(const Instruction& jump, FlowState& state) { call(jump, state); }

  /// Of a call or tail call, before it is made, or of what a word is given back by.
  CallDeeds deeds_of(const Instruction& call, FlowState& state);

 private:
  void move(const Instruction& instruction, FlowState& state);
  void load_address(const Instruction& instruction, FlowState& state);
  void add(const Instruction& instruction, FlowState& state);
  void scale(const Instruction& instruction, FlowState& state);
  void extend(const Instruction& instruction, FlowState& state);
  void push(const Instruction& instruction, FlowState& state);
  void pop(const Instruction& instruction, FlowState& state);
  void leave(const Instruction& instruction, FlowState& state);
  void others(const Instruction& instruction, FlowState& state);
  void forget_written(const Instruction& instruction, FlowState& state);
  void follow_flags(const Instruction& instruction, FlowState& state);
  void set_by_flags(const Instruction& instruction, FlowState& state);
  void exchange(const Instruction& instruction, FlowState& state);
  void fetch_add(const Instruction& instruction, FlowState& state);
  void compare_exchange(const Instruction& instruction, FlowState& state);
  void set_word(const Instruction& instruction, Formula value, FlowState& state);

  void call(const Instruction& instruction, FlowState& state);
  CallDeeds deeds_of(const CallEffect& effect, const Instruction& call, FlowState& state);
  void apply(const CallEffect& effect, const Instruction& call, FlowState& state);
  std::optional<CallEffect::Lock> cleared_by(const Instruction& exchange, const FlowState& state);
  static void doubt_word(Formula address, FlowState& state);
  void give_back(const CallEffect::Lock& lock, FlowState& state) const;
  void forget_written_by_stranger(FlowState& state) const;
  Formula substitute(Formula formula, const Instruction& call, FlowState& state, int depth = 0);

  Formula address_of(const Operand& place, const FlowState& state);
  Formula read(Formula address, std::uint8_t size, const Instruction& reader, FlowState& state);
  Formula value_of(const Operand& operand, const Instruction& reader, FlowState& state);
  Formula make_result(Address instruction, FlowState& state);

  Formulas& formulas_;
  EffectOfCall effect_of_;
};

}  // namespace pstuck
