#pragma once

#include <optional>
#include <set>
#include <vector>

#include "symbolize/code_steps.h"

namespace pstuck {

/// Follows values and locks through one function: a data-flow analysis over its basic blocks.
class LockFlow {
 public:
  /// `code`, `formulas` and `budget` must outlive it. The budget is how many instructions it may
  /// still go through; without any left it gives up.
  LockFlow(const FunctionCode& code, Formulas& formulas, EffectOfCall effect_of,
           std::size_t& budget);

  /// What holds before an instruction; none for one that the analysis did not come to.
  std::optional<FlowState> before(Address instruction);

  /// What a call of this function does.
  CallEffect summarise();

 private:
  struct Block {
    std::size_t first = 0;  // instructions [first, last)
    std::size_t last = 0;
    bool was_reached = false;
    FlowState in;
    // Once a place was found to hold different values from different sides it stays "joined".
    std::set<MachineRegister> joined_registers;
    std::set<Formula> joined_words;
    std::set<Formula> dropped_words;
  };
  /// A block that can come next; `zero` when it does only for one outcome of the last test.
  struct Edge {
    std::size_t block = 0;
    std::optional<bool> zero;
  };

  void find_blocks();
  void run();
  bool flow_once();
  bool drain(std::vector<std::size_t> work);
  bool seed_unreached(std::vector<std::size_t>& work);
  FlowState flow_through(const Block& block, std::optional<Address> until = {});
  std::vector<Edge> edges_of(const Block& block) const;
  std::optional<std::size_t> block_at(Address at) const;
  void leave(const Block& block, const FlowState& state);

  bool arrive(Block& block, const FlowState& state);
  bool join_registers(Block& block, const FlowState& from);
  bool join_memory(Block& block, const FlowState& from);
  static bool join_taken(Block& block, const FlowState& from);
  [[nodiscard]] Formula best_name(const TakenLock& taken) const;
  Formula joined(const Block& block, const Formulas::Place& place);
  void rename_taken(const Block& block, FlowState& state);
  void rename_joined(const Block& block, FlowState& state);
  static void meet(Block& into, const FlowState& from);
  static bool join_written(Block& into, const FlowState& from);
  FlowState state_elsewhere();
  bool is_stale(const Block& block, Formula formula) const;

  [[nodiscard]] Address start_of(const Block& block) const {
    return code_.instructions[block.first].at;
  }

  const FunctionCode& code_;
  Formulas& formulas_;
  CodeSteps steps_;
  std::vector<Block> blocks_;
  std::size_t& budget_;
  bool gave_up_ = false;
  bool new_joins_ = false;
  std::vector<FlowState> exits_;
};

}  // namespace pstuck
