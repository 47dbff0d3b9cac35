#include "symbolize/call_effects.h"

#include "symbolize/call_site.h"
#include "symbolize/lock_flow.h"

namespace pstuck {
namespace {

// At -O0 a guard's constructor is four calls deep and unique_ptr::operator*() eight, each of some
// 60 bytes.
constexpr int kDeepest = 9;
constexpr std::uint64_t kLongestCallee = 700;

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
  const auto function = find_target(call);
  if (!function) return kStranger;
  const auto [entry, is_new] = by_function_.try_emplace(function->value);
  // While it is being read a function is a stranger to itself.
  CallEffect& effect = entry->second;
  if (is_new) effect = read(*function);
  return effect;
}

CallEffect CallEffects::read(Address function) {
  if (const CallEffect* known = lock_functions_.find(function)) return *known;
  const auto module = modules_.find(function);
  if (!module || modules_.is_c_library(*module) || depth_ >= kDeepest) return {};
  const auto code = code_.decode(function, kLongestCallee);
  if (!code || code->range.start != function) return {};
  ++depth_;
  CallEffect effect =
      LockFlow(*code, formulas_, [this](const Instruction& call) -> const CallEffect& {
        return of(call);
      }).summarise();
  --depth_;
  return effect;
}

}  // namespace pstuck
