// Which locks may a function hold when it is at a given instruction, and where are they?
//
//     A  call pthread_mutex_lock(rbx+8)
//     B  test …, je D ──────────────┐
//     C  call pthread_mutex_unlock  │(rbx+8)
//     D  … call work ◀──────────────┘           here {rbx+8, taken at A} is held on one path of two
//
// The usual forward analysis: the code is cut into blocks, each block is entered with what all ways
// to it agree on, and blocks are gone through again until nothing changes. Where the ways disagree
// about a register or a word of memory, what it holds gets a name of its own, "joined at this
// block", so that copies of it can still be recognised: a loop's pointer is such a name. When
// control comes to the block again the name means something new; copies of the old value and locks
// told by it become unknown. Where only one way leads there is nothing to agree on: what that way
// says now counts, whatever it said before.
//
// Names found late would leave earlier results behind. So when a pass found new ones it is made
// again from the start with the names in place. All is bounded, and the analysis gives up rather
// than to guess.
//
// Blocks that nothing leads to are handlers of exceptions, or where a table of jumps leads: they
// are entered with what all calls and all such jumps agree on.
//
// Where it fails: a lock whose address is computed anew before it is given back may stay "held on
// some path"; code that the compiler put apart (".cold") is a function of its own.

#include "symbolize/lock_flow.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr int kMostPasses = 5;
constexpr std::size_t kMostGivenBack = 32;
constexpr std::pair<std::size_t, std::optional<bool>> kFromNowhere{SIZE_MAX, std::nullopt};

bool ends_block(Operation operation) {
  switch (operation) {
    case Operation::kJump:
    case Operation::kJumpIfZero:
    case Operation::kJumpIfNotZero:
    case Operation::kJumpIf:
    case Operation::kReturn:
    case Operation::kStop:
      return true;
    default:
      return false;
  }
}

bool is_kept_by_calls(std::size_t machine_register) {
  return machine_register == kRbx || machine_register == kRbp || machine_register == kRsp ||
         machine_register >= kR12;
}

FlowState entry_state() {
  FlowState state;
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    state.registers[i] = Formulas::entry(static_cast<unsigned>(i));
  }
  return state;
}

/// Those that were given back go first.
void limit_taken(std::vector<TakenLock>& taken) {
  if (taken.size() <= kMostTaken) return;
  std::erase_if(taken, [](const TakenLock& lock) { return lock.given_back; });
  if (taken.size() > kMostTaken) taken.resize(kMostTaken);
}

/// What a trial's outcome says about the locks that it was to take.
void learn_outcome(FlowState& state, bool zero) {
  if (!state.tested) return;
  const Address call = state.tested->call;
  if (zero == state.tested->taken_if_zero) {
    for (TakenLock& taken : state.taken) {
      if (taken.call == call) taken.certain = true;
    }
  } else {
    std::erase_if(state.taken, [&](const auto& taken) { return taken.call == call; });
  }
  state.tested.reset();
  state.tried.reset();
}

}  // namespace

LockFlow::LockFlow(const FunctionCode& code, Formulas& formulas, EffectOfCall effect_of,
                   std::size_t& budget)
    : code_(code), formulas_(formulas), steps_(formulas, std::move(effect_of)), budget_(budget) {
  find_blocks();
  order_blocks();
  run();
}

void LockFlow::find_blocks() {
  std::set<std::size_t> starts = {0};
  const auto& instructions = code_.instructions;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    if (!ends_block(instructions[i].operation)) continue;
    starts.insert(i + 1);
    // Padding is a block of its own: what comes behind may be where a table of jumps leads to.
    std::size_t next = i + 1;
    while (next < instructions.size() && instructions[next].operation == Operation::kNothing) {
      ++next;
    }
    starts.insert(next);
    if (!instructions[i].target) continue;
    if (const auto target = code_.find(*instructions[i].target)) starts.insert(*target);
  }
  for (auto start = starts.begin(); start != starts.end(); ++start) {
    if (*start >= instructions.size()) break;
    const auto next = std::next(start);
    const std::size_t last = next == starts.end() ? instructions.size() : *next;
    Block& block = blocks_.emplace_back();
    block.first = *start;
    block.last = std::min(last, instructions.size());
  }
}

/// Gives the blocks their turns: those that lead to a block come before it, but for the ends of
/// loops. (Reverse postorder.)
void LockFlow::order_blocks() {
  std::size_t turn = blocks_.size();
  std::vector<bool> was_seen(blocks_.size());
  std::vector<std::pair<std::size_t, std::vector<Edge>>> path;  // a block, its edges still to go
  const auto enter = [&](std::size_t block) {
    if (was_seen[block]) return;
    was_seen[block] = true;
    path.emplace_back(block, edges_of(blocks_[block]));
  };
  for (std::size_t root = 0; root < blocks_.size(); ++root) {
    enter(root);
    while (!path.empty()) {
      auto& [block, edges] = path.back();
      if (edges.empty()) {
        blocks_[block].turn = --turn;
        path.pop_back();
        continue;
      }
      const std::size_t next = edges.back().block;
      edges.pop_back();
      enter(next);
    }
  }
}

std::optional<std::size_t> LockFlow::block_at(Address at) const {
  const auto first = code_.find(at);
  if (!first) return {};
  const auto found = std::ranges::lower_bound(blocks_, *first, {}, &Block::first);
  if (found == blocks_.end() || found->first != *first) return {};
  return static_cast<std::size_t>(found - blocks_.begin());
}

std::vector<LockFlow::Edge> LockFlow::edges_of(const Block& block) const {
  std::vector<Edge> edges;
  const Instruction& last = code_.instructions[block.last - 1];
  const auto next = static_cast<std::size_t>(&block - blocks_.data()) + 1;
  const auto add_target = [&](std::optional<bool> zero) {
    const auto target = last.target ? block_at(*last.target) : std::nullopt;
    if (target) edges.push_back({*target, zero});
  };
  const auto add_next = [&](std::optional<bool> zero) {
    if (next < blocks_.size()) edges.push_back({next, zero});
  };
  switch (last.operation) {
    case Operation::kJump:
      add_target({});
      break;
    case Operation::kJumpIfZero:
      add_target(true);
      add_next(false);
      break;
    case Operation::kJumpIfNotZero:
      add_target(false);
      add_next(true);
      break;
    case Operation::kJumpIf:
      add_target({});
      add_next({});
      break;
    case Operation::kReturn:
    case Operation::kStop:
      break;
    default:
      add_next({});
  }
  return edges;
}

void LockFlow::run() {
  for (int pass = 0; pass < kMostPasses; ++pass) {
    new_joins_ = false;
    if (!flow_once()) break;
    if (!new_joins_) return;
  }
  gave_up_ = true;
}

bool LockFlow::flow_once() {
  if (blocks_.empty()) return false;
  for (Block& block : blocks_) block.was_reached = false;
  arrive(blocks_.front(), kFromNowhere, entry_state());
  if (!drain({0})) return false;
  std::vector<std::size_t> work;
  return !seed_unreached(work) || drain(std::move(work));
}

bool LockFlow::drain(std::vector<std::size_t> work) {
  std::vector<bool> waits(blocks_.size());
  for (const std::size_t block : work) waits[block] = true;
  while (!work.empty()) {
    const auto first =
        std::ranges::min_element(work, {}, [&](std::size_t block) { return blocks_[block].turn; });
    const std::size_t index = *first;
    *first = work.back();
    work.pop_back();
    waits[index] = false;
    const Block& block = blocks_[index];
    if (block.last - block.first > budget_) return false;
    budget_ -= block.last - block.first;
    FlowState out = flow_through(block);
    if (out.given_back.size() > kMostGivenBack) return false;
    std::vector<Edge> edges = edges_of(block);
    std::erase_if(
        edges, [&](const Edge& edge) { return edge.zero && out.zero && *edge.zero != *out.zero; });
    const auto follow = [&](const Edge& edge, FlowState state) {
      if (edge.zero) learn_outcome(state, *edge.zero);
      state.tested.reset();
      state.zero.reset();
      const bool changed = arrive(blocks_[edge.block], {index, edge.zero}, std::move(state));
      if (!changed || waits[edge.block]) return;
      waits[edge.block] = true;
      work.push_back(edge.block);
    };
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) follow(edges[i], out);
    if (!edges.empty()) follow(edges.back(), std::move(out));
  }
  return true;
}

FlowState LockFlow::flow_through(const Block& block, std::optional<Address> until) {
  FlowState state = block.in;
  for (std::size_t i = block.first; i < block.last; ++i) {
    if (until && code_.instructions[i].at >= *until) break;
    steps_.step(code_.instructions[i], state);
    limit_taken(state.taken);
  }
  return state;
}

/// What holds when the block leaves the function, or goes where nobody knows; none when it does
/// neither.
std::optional<FlowState> LockFlow::leave(const Block& block) {
  const Instruction& last = code_.instructions[block.last - 1];
  const bool is_return = last.operation == Operation::kReturn;
  const bool leaves = last.target && ends_block(last.operation) && !code_.find(*last.target);
  if (!block.was_reached || (!is_return && !leaves)) return {};
  FlowState state = flow_through(block);
  if (is_return) return state;
  if (last.operation == Operation::kJump) {
    steps_.step_tail_call(last, state);
    return state;
  }
  // It may go on in another part of the function, where anything may be given back.
  for (TakenLock& taken : state.taken) taken.certain = false;
  state.met_stranger = true;
  return state;
}

/// What every call and every jump through a table agrees on. It holds where an exception is caught,
/// since the unwinder restores the registers that calls keep, and where a table leads to.
FlowState LockFlow::state_elsewhere() {
  Block all;
  for (const Block& block : blocks_) {
    if (!block.was_reached) continue;
    FlowState state = block.in;
    for (std::size_t i = block.first; i < block.last; ++i) {
      const Instruction& instruction = code_.instructions[i];
      const bool is_indirect_jump =
          instruction.operation == Operation::kJump && !instruction.target;
      if (instruction.operation == Operation::kCall || is_indirect_jump) take_in(state, all);
      steps_.step(instruction, state);
    }
  }
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    if (!is_kept_by_calls(i)) all.in.registers[i] = {};
  }
  return all.in;
}

/// Keeps what all agree on.
void LockFlow::take_in(FlowState state, Block& all) {
  if (all.was_reached) return meet(all, state);
  all.in = std::move(state);
  all.was_reached = true;
}

bool LockFlow::seed_unreached(std::vector<std::size_t>& work) {
  std::vector<bool> is_led_to(blocks_.size());
  const auto is_padding = [&](const Block& block) {
    return code_.instructions[block.first].operation == Operation::kNothing;
  };
  for (const Block& block : blocks_) {
    if (is_padding(block) && !block.was_reached) continue;
    for (const Edge& edge : edges_of(block)) is_led_to[edge.block] = true;
  }
  for (std::size_t i = 1; i < blocks_.size(); ++i) {
    if (!blocks_[i].was_reached && !is_led_to[i] && !is_padding(blocks_[i])) work.push_back(i);
  }
  if (work.empty()) return false;
  const FlowState state = state_elsewhere();
  for (const std::size_t i : work) arrive(blocks_[i], kFromNowhere, state);
  return true;
}

std::optional<FlowState> LockFlow::before(Address instruction) {
  const auto index = code_.find(instruction);
  if (gave_up_ || !index) return {};
  const auto after = std::ranges::upper_bound(blocks_, *index, {}, &Block::first);
  const Block& block = *std::prev(after);
  if (!block.was_reached || block.last - block.first > budget_) return {};
  budget_ -= block.last - block.first;
  return flow_through(block, instruction);
}

bool LockFlow::is_named_for_callers(Formula name) const {
  const Formulas::Kind kind = formulas_.base(name).kind;
  return kind != Formulas::Kind::kResult && kind != Formulas::Kind::kJoined;
}

/// A name that means something to the caller, if there is one.
Formula LockFlow::best_name(const TakenLock& taken) const {
  const auto found =
      std::ranges::find_if(taken.names, [&](Formula name) { return is_named_for_callers(name); });
  return found == taken.names.end() ? Formula{} : *found;
}

CallEffect LockFlow::summarise() {
  CallEffect effect;
  effect.unread = gave_up_;
  if (gave_up_) return effect;
  // All exits are joined as one block's entries are.
  Block end;
  for (const Block& block : blocks_) {
    if (auto exit = leave(block)) take_in(std::move(*exit), end);
  }
  if (!end.was_reached) return effect;
  const FlowState& state = end.in;
  if (state.given_back.size() > kMostGivenBack) {
    effect.unread = true;
    return effect;
  }
  effect.stranger = state.met_stranger;
  for (const TakenLock& taken : state.taken) {
    if (taken.given_back) continue;
    effect.takes.push_back({best_name(taken), taken.certain, taken.shared, taken.family});
  }
  for (const auto& [given, certain] : state.given_back) {
    effect.gives_back.push_back({given.lock, certain, false, given.family});
  }
  for (const auto& act : state.acts) {
    if (is_named_for_callers(act.first)) effect.acts.push_back(act);
  }
  effect.forgets.assign(state.written.begin(), state.written.end());
  for (const auto& [address, place] : state.memory) {
    if (!Formulas::is_on_stack(address) && place.size == sizeof(std::uint64_t)) {
      effect.writes.emplace_back(address, place.value);
    }
  }
  effect.result = state.registers[kRax];
  return effect;
}

}  // namespace pstuck
