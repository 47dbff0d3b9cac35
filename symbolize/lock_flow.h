#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "symbolize/code_steps.h"

namespace pstuck {

/// A call that may come, and what it does.
struct CallAhead {
  Address call;
  CallDeeds deeds;
};

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

  /// Calls that may come from an instruction on and do something to a lock or another object, each
  /// once. What they name means the same at that instruction.
  std::vector<CallAhead> calls_ahead(Address from);

  /// What the call at this address does.
  CallDeeds deeds_at(Address call);

  /// Every way from an instruction to the function's end comes to a call that gives this lock back.
  bool surely_gives_back(Address from, const TakenLock& lock);

  /// Some way from an instruction comes to a call that gives the lock back, and not before that to
  /// one that takes it.
  bool may_give_back(Address from, const CallEffect::Lock& lock);

 private:
  /// The block that control comes from, and for which outcome of its test.
  using Way = std::pair<std::size_t, std::optional<bool>>;
  struct Block {
    std::size_t first = 0;  // instructions [first, last)
    std::size_t last = 0;
    std::size_t turn = 0;  // when several blocks are to be gone through
    bool was_reached = false;
    std::optional<Way> only_way;  // by which it was reached in this pass; none for several
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

  /// Gets what holds before the instruction; false: no further on this way.
  using Visit = std::function<bool(const Instruction& instruction, FlowState& state)>;

  /// Not whole when the budget ended, or when nothing is known.
  bool walk(Address from, const Visit& visit);
  [[nodiscard]] bool is_made_anew(Formula formula, const std::vector<Address>& passed) const;

  void find_blocks();
  void order_blocks();
  void run();
  bool flow_once();
  bool drain(std::vector<std::size_t> work);
  bool seed_unreached(std::vector<std::size_t>& work);
  FlowState flow_through(const Block& block, std::optional<Address> until = {});
  std::vector<Edge> edges_of(const Block& block) const;
  std::optional<std::size_t> block_at(Address at) const;
  std::optional<FlowState> leave(const Block& block);

  bool arrive(Block& block, Way way, FlowState from);
  bool join_registers(Block& block, const FlowState& from);
  bool join_memory(Block& block, const FlowState& from);
  static bool join_alternatives(TakenLock& taken, const TakenLock& other);
  static bool join_taken(Block& block, const FlowState& from);
  [[nodiscard]] bool is_named_for_callers(Formula name) const;
  [[nodiscard]] Formula best_name(const TakenLock& taken) const;
  Formula joined(const Block& block, const Formulas::Place& place);
  void rename_taken(const Block& block, FlowState& state);
  void rename_joined(const Block& block, FlowState& state);
  static void meet(Block& into, const FlowState& from);
  static bool join_written(Block& into, const FlowState& from);
  static void take_in(FlowState state, Block& all);
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
};

}  // namespace pstuck
