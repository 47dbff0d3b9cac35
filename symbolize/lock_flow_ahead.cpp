// What may still happen in a function from an instruction on: the walk goes over the blocks in all
// ways that control can take, each block once, with what the analysis found to hold there.
//
//     A  call work            the frame is here
//     B  je D ────────────┐
//     C  call sem_post    │   may come: the semaphore is given back on one way of two
//     D  ret ◀────────────┘
//
// A name like "the result of this instruction" means something new once control comes to that
// instruction again. So a call ahead whose object is named by something that is made anew on the
// way is said to have an object that is not known.

#include <algorithm>

#include "symbolize/lock_flow.h"

namespace pstuck {
namespace {

bool leaves(const FunctionCode& code, const Instruction& instruction) {
  const bool is_jump = instruction.operation == Operation::kJump;
  return is_jump && (!instruction.target || !code.find(*instruction.target));
}

bool is_call(const FunctionCode& code, const Instruction& instruction) {
  return instruction.operation == Operation::kCall || leaves(code, instruction);
}

bool may_do(const FunctionCode& code, const Instruction& instruction) {
  return instruction.operation == Operation::kExchange || is_call(code, instruction);
}

bool is_same(const CallEffect::Lock& a, const CallEffect::Lock& b) {
  return a.family == b.family && a.lock.known() && a.lock == b.lock;
}

}  // namespace

bool LockFlow::walk(Address from, const Visit& visit) {
  const auto index = code_.find(from);
  auto state = before(from);
  if (!index || !state) return false;
  std::vector<bool> was_seen(blocks_.size());
  std::vector<std::size_t> work;
  bool is_whole = true;
  const auto go_through = [&](const Block& block, std::size_t first, FlowState now) {
    for (std::size_t i = first; i < block.last; ++i) {
      if (budget_ == 0) is_whole = false;
      if (budget_ == 0 || !visit(code_.instructions[i], now)) return;
      --budget_;
      steps_.step(code_.instructions[i], now);
    }
    for (const Edge& edge : edges_of(block)) {
      const bool is_forbidden = edge.zero && now.zero && *edge.zero != *now.zero;
      if (is_forbidden || was_seen[edge.block] || !blocks_[edge.block].was_reached) continue;
      was_seen[edge.block] = true;
      work.push_back(edge.block);
    }
  };
  const auto after = std::ranges::upper_bound(blocks_, *index, {}, &Block::first);
  go_through(*std::prev(after), *index, std::move(*state));
  while (!work.empty()) {
    const Block& block = blocks_[work.back()];
    work.pop_back();
    go_through(block, block.first, block.in);
  }
  return is_whole;
}

bool LockFlow::is_made_anew(Formula formula, const std::vector<Address>& passed) const {
  return std::ranges::any_of(passed, [&](Address at) {
    return formulas_.mentions(formula, Formulas::Kind::kResult, at.value) ||
           formulas_.mentions(formula, Formulas::Kind::kJoined, at.value);
  });
}

std::vector<CallAhead> LockFlow::calls_ahead(Address from) {
  std::vector<CallAhead> calls;
  std::vector<Address> passed;
  walk(from, [&](const Instruction& instruction, FlowState& state) {
    passed.push_back(instruction.at);
    // A loop comes again to the block that the walk began in.
    const bool is_told = std::ranges::find(calls, instruction.at, &CallAhead::call) != calls.end();
    if (is_told || !may_do(code_, instruction)) return true;
    CallDeeds deeds = steps_.deeds_of(instruction, state);
    if (deeds.takes.empty() && deeds.gives_back.empty() && deeds.acts.empty()) return true;
    calls.push_back({instruction.at, std::move(deeds)});
    return true;
  });
  const auto forget_new = [&](Formula& object) {
    if (object.known() && is_made_anew(object, passed)) object = {};
  };
  for (CallAhead& call : calls) {
    for (CallEffect::Lock& lock : call.deeds.takes) forget_new(lock.lock);
    for (CallEffect::Lock& lock : call.deeds.gives_back) forget_new(lock.lock);
    for (auto& act : call.deeds.acts) forget_new(act.first);
  }
  return calls;
}

CallDeeds LockFlow::deeds_at(Address call) {
  const auto index = code_.find(call);
  auto state = before(call);
  if (!index || !state) return {};
  return steps_.deeds_of(code_.instructions[*index], *state);
}

bool LockFlow::surely_gives_back(Address from, const TakenLock& lock) {
  bool is_sure = true;
  const bool is_whole = walk(from, [&](const Instruction& instruction, FlowState& state) {
    if (may_do(code_, instruction) || instruction.operation == Operation::kFetchAdd) {
      for (const CallEffect::Lock& given : steps_.deeds_of(instruction, state).gives_back) {
        const bool is_it = std::ranges::any_of(state.taken, [&](const TakenLock& taken) {
          return taken.call == lock.call && taken.family == given.family && given.lock.known() &&
                 taken.is_called(given.lock);
        });
        if (is_it) return false;
      }
    }
    if (instruction.operation == Operation::kReturn || leaves(code_, instruction)) is_sure = false;
    return is_sure;
  });
  return is_whole && is_sure;
}

bool LockFlow::may_give_back(Address from, const CallEffect::Lock& lock) {
  bool may = false;
  walk(from, [&](const Instruction& instruction, FlowState& state) {
    if (may || !may_do(code_, instruction)) return !may;
    const CallDeeds deeds = steps_.deeds_of(instruction, state);
    const auto is_it = [&](const CallEffect::Lock& other) { return is_same(other, lock); };
    if (std::ranges::any_of(deeds.takes, is_it)) return false;
    may = std::ranges::any_of(deeds.gives_back, is_it);
    return !may;
  });
  return may;
}

}  // namespace pstuck
