// Locks that are a word, which the code around it sets and clears: those of Rust's standard library
// are inlined, and only who must wait calls a function.
//
//         xor  %eax,%eax                             0: nobody has it
//         lock cmpxchg %ecx,(%rbx)                   a trial to take {rbx}; the flags tell
//         jne  slow ──▶ call Mutex::lock_contended   takes {rbx}
//         …
//         xor  %eax,%eax
//         xchg %eax,(%rbx)                           gives {rbx} back
//
// Any word will do that is 0 when it is free, whatever stands for "taken". Other writes to a word
// that was taken may mean anything: after them nothing is certain.
//
// Of std::counting_semaphore only the release is inlined (libstdc++ 11 to 14:
// bits/semaphore_base.h):
//
//         call __atomic_wait_address_bare<…_M_acquire…>    takes a unit of {rbx}
//         …
//         lock xadd %eax,(%rbx)                            gives one back
//
// Most additions are to other counters, and are passed over. A release by another name is too; but
// then none follows by the name that the unit was taken by, and that is asked for before anybody
// counts as its holder.

#include <algorithm>

#include "symbolize/code_steps.h"

namespace pstuck {
namespace {

bool is_zero(Formula value, std::uint8_t size) {
  const std::uint64_t bits =
      size >= sizeof(std::uint64_t) ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
  return value.base == 0 && (value.offset & bits) == 0;
}

bool is_number(Formula value) { return value.base == 0; }

}  // namespace

void CodeSteps::doubt_word(Formula address, FlowState& state) {
  if (!address.known()) return;
  for (TakenLock& taken : state.taken) {
    const bool is_word = taken.family == LockFamily::kWord && !taken.given_back;
    if (is_word && taken.is_called(address)) taken.certain = false;
  }
}

std::optional<CallEffect::Lock> CodeSteps::cleared_by(const Instruction& exchange,
                                                      const FlowState& state) {
  const Formula address = address_of(exchange.to, state);
  const bool clears = is_zero(state.registers[exchange.from.base], exchange.from.size);
  if (!clears || !address.known()) return {};
  return CallEffect::Lock{.lock = address, .family = LockFamily::kWord};
}

void CodeSteps::exchange(const Instruction& instruction, FlowState& state) {
  const auto cleared = cleared_by(instruction, state);
  if (!cleared) return others(instruction, state);
  give_back(*cleared, state);
  forget_written(instruction, state);
}

void CodeSteps::fetch_add(const Instruction& instruction, FlowState& state) {
  const Formula address = address_of(instruction.to, state);
  const bool is_unit = std::ranges::any_of(state.taken, [&](const TakenLock& taken) {
    return taken.family == LockFamily::kCounter && !taken.given_back && taken.is_called(address);
  });
  if (is_unit) give_back({.lock = address, .family = LockFamily::kCounter}, state);
  others(instruction, state);
}

void CodeSteps::compare_exchange(const Instruction& instruction, FlowState& state) {
  const Formula address = address_of(instruction.to, state);
  const Formula number = state.registers[instruction.from.base];
  const std::uint8_t size = instruction.from.size;
  const bool takes = address.known() && is_zero(state.registers[kRax], size) && is_number(number) &&
                     !is_zero(number, size);
  if (!takes) return others(instruction, state);
  forget_written(instruction, state);
  state.take(
      {.call = instruction.at, .names = {address}, .certain = false, .family = LockFamily::kWord});
  state.tested = Trial{.call = instruction.at};
}

}  // namespace pstuck
