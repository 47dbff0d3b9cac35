#include "symbolize/call_effects.h"

#include <algorithm>

#include "symbolize/call_site.h"
#include "symbolize/lock_flow.h"

namespace pstuck {
namespace {

// At -O0 a guard's constructor is four calls deep and unique_ptr::operator*() eight, each of some
// 60 bytes.
constexpr int kDeepest = 9;
constexpr std::uint64_t kLongestCallee = 700;
// What has nothing to do with locks is read only when it is as short as what returns a member.
constexpr std::uint64_t kLongestAccessor = 160;

}  // namespace

std::optional<Address> CallEffects::find_target(const Instruction& call) {
  if (call.target) {
    const auto [entry, is_new] = behind_stub_.try_emplace(call.target->value);
    if (is_new) entry->second = follow_stub(memory_, *call.target);
    return entry->second;
  }
  const Operand& slot = call.to;
  const bool is_fixed = slot.kind == Operand::Kind::kMemory && slot.base == kNoRegister &&
                        slot.index == kNoRegister && !slot.thread_relative;
  if (!is_fixed) return {};
  const auto word = memory_.read_object<std::uint64_t>({static_cast<std::uint64_t>(slot.number)});
  return word ? std::optional(Address{*word}) : std::nullopt;
}

const CallEffect& CallEffects::of(const Instruction& call) {
  static const CallEffect kStranger;
  static const CallEffect kUnread{.unread = true};
  const auto function = find_target(call);
  if (!function) return kStranger;
  const auto known = by_function_.find(function->value);
  if (known != by_function_.end()) return known->second;
  // How deep a call is found depends on who asked first: it is not kept.
  if (depth_ >= kDeepest) return kUnread;
  // While it is being read a function is unread to itself.
  CallEffect& effect = by_function_.emplace(function->value, kUnread).first->second;
  const auto import = find_import(call);
  effect = import ? *import : read(*function);
  return effect;
}

/// Of a function in another module that nobody has called yet: its slot leads back to its stub.
std::optional<CallEffect> CallEffects::find_import(const Instruction& call) {
  std::optional<Address> slot;
  if (call.target) slot = find_stub_slot(memory_, *call.target);
  const auto function = find_target(call);
  const auto module = slot && function ? modules_.find(*function) : std::nullopt;
  if (!module || module != modules_.find(*slot)) return {};
  const auto name = imports_.find_name(*slot);
  return name ? lock_functions_.find_named(*name) : std::nullopt;
}

bool CallEffects::is_known_by_name(const Instruction& call) {
  const auto function = find_target(call);
  return function && lock_functions_.find(*function) != nullptr;
}

/// Null also for the C library's: what it does to locks its names tell.
const FunctionCode* CallEffects::find_short_function(Address start) {
  const auto [entry, is_new] = short_functions_.try_emplace(start.value);
  if (is_new) {
    const auto module = modules_.find(start);
    if (module && !modules_.is_c_library(*module)) {
      entry->second = code_.decode(start, kLongestCallee);
    }
  }
  return entry->second && entry->second->range.start == start ? &*entry->second : nullptr;
}

bool CallEffects::may_touch_locks(const Instruction& call) {
  const auto function = find_target(call);
  if (!function) return false;
  const auto known = may_touch_locks_.find(function->value);
  if (known != may_touch_locks_.end()) return known->second;
  if (depth_ >= kDeepest || code_.is_exhausted()) return true;
  // While it is being looked at a function may do everything.
  may_touch_locks_.emplace(function->value, true);
  bool may = lock_functions_.find(*function) != nullptr || find_import(call);
  const FunctionCode* code = may ? nullptr : find_short_function(*function);
  if (code) {
    ++depth_;
    may = may_touch_locks(*code);
    --depth_;
  }
  may_touch_locks_[function->value] = may;
  return may;
}

bool CallEffects::may_touch_locks(const FunctionCode& function) {
  return std::ranges::any_of(function.instructions, [&](const Instruction& instruction) {
    const Operation operation = instruction.operation;
    const bool is_atomic = operation == Operation::kExchange || operation == Operation::kFetchAdd ||
                           operation == Operation::kCompareExchange;
    if (is_atomic) return true;  // a lock's fast way, inlined
    const bool is_call =
        operation == Operation::kCall || (operation == Operation::kJump && instruction.target &&
                                          !function.find(*instruction.target));
    return is_call && may_touch_locks(instruction);
  });
}

bool CallEffects::takes_word(Address function) {
  const CallEffect* known = lock_functions_.find(function);
  return known != nullptr && !known->takes.empty() &&
         known->takes.front().family == LockFamily::kWord;
}

CallEffect CallEffects::read(Address function) {
  if (const CallEffect* known = lock_functions_.find(function)) return *known;
  const FunctionCode* code = find_short_function(function);
  if (!code) return {.unread = budget_ == 0 || code_.is_exhausted()};
  const bool is_accessor = code->range.end - code->range.start <= kLongestAccessor;
  if (!is_accessor && !may_touch_locks(*code)) return {};
  ++depth_;
  CallEffect effect =
      LockFlow(
          *code, formulas_,
          [this](const Instruction& call) -> const CallEffect& { return of(call); }, budget_)
          .summarise();
  --depth_;
  if (lock_functions_.surely_takes(function)) {
    for (CallEffect::Lock& lock : effect.takes) lock.certain = true;
  }
  return effect;
}

}  // namespace pstuck
