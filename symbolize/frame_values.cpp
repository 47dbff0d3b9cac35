// From a formula to a value.
//
// What a formula counts from is looked for in the registers that the unwinder still knows for the
// frame (rsp, and rbx, rbp, r12 to r15), in the places in memory that the function keeps it in,
// and, when it is an argument, in the caller's frame: if it is the caller's call that led to this
// very function, not a jump from another one. Else it is computed, unless the function has
// meanwhile written where it would have to be read.

#include "symbolize/frame_values.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostKnown = 1 << 16;
constexpr std::array<MachineRegister, 6> kCalleeSaved = {kRbx, kRbp, kR12, kR13, kR14, kR15};

}  // namespace

std::optional<std::uint64_t> FrameValues::find_in_registers(std::size_t frame, Formula base) const {
  const FrameFacts& facts = frames_[frame];
  const Formula sp = facts.state->registers[kRsp];
  if (sp.base == base.base && facts.sp) return facts.sp->value - sp.offset;
  for (std::size_t i = 0; i < kCalleeSaved.size(); ++i) {
    const Formula held = facts.state->registers[kCalleeSaved[i]];
    if (held.base == base.base && facts.callee_saved[i]) {
      return *facts.callee_saved[i] - held.offset;
    }
  }
  return {};
}

std::optional<std::uint64_t> FrameValues::find_in_memory(std::size_t frame, Formula base) {
  for (const auto& [address, place] : frames_[frame].state->memory) {
    if (place.value.base != base.base || address.base == base.base) continue;
    const auto at = evaluate(frame, address);
    if (!at) continue;
    if (place.size == sizeof(std::uint64_t)) {
      if (const auto word = memory_.read_object<std::uint64_t>({*at})) {
        return *word - place.value.offset;
      }
    } else if (place.value.offset == 0) {
      if (const auto half = memory_.read_object<std::uint32_t>({*at})) return *half;
    }
  }
  return {};
}

std::optional<std::uint64_t> FrameValues::find_at_entry(std::size_t frame,
                                                        const Formulas::Base& what) {
  if (frame + 1 >= frames_.size() || what.where == kRsp) return {};
  const FrameFacts& caller = frames_[frame + 1];
  if (!caller.state || caller.calls != frames_[frame].function) return {};
  return evaluate(frame + 1, caller.state->registers[what.where]);
}

std::optional<std::uint64_t> FrameValues::compute(std::size_t frame, const Formulas::Base& what) {
  const auto of = evaluate(frame, what.of);
  if (!of) return {};
  switch (what.kind) {
    case Formulas::Kind::kLoad:
      if (frames_[frame].state->was_written(what.of, sizeof(std::uint64_t))) return {};
      return memory_.read_object<std::uint64_t>({*of});
    case Formulas::Kind::kLow:
      return *of & 0xffffffff;
    case Formulas::Kind::kSigned: {
      const auto half = static_cast<std::int32_t>(static_cast<std::uint32_t>(*of));
      return static_cast<std::uint64_t>(std::int64_t{half});
    }
    case Formulas::Kind::kProduct:
      return *of * what.where;
    case Formulas::Kind::kSum: {
      const auto with = evaluate(frame, what.with);
      return with ? std::optional(*of + *with) : std::nullopt;
    }
    default:
      return {};
  }
}

std::optional<std::uint64_t> FrameValues::find_base(std::size_t frame, Formula base) {
  if (const auto value = find_in_registers(frame, base)) return value;
  if (const auto value = find_in_memory(frame, base)) return value;
  const Formulas::Base what = formulas_.base(base);
  return what.kind == Formulas::Kind::kEntry ? find_at_entry(frame, what) : compute(frame, what);
}

std::optional<std::uint64_t> FrameValues::evaluate(std::size_t frame, Formula formula) {
  if (!formula.known() || frame >= frames_.size() || !frames_[frame].state) return {};
  const Formulas::Base base = formulas_.base(formula);
  if (base.kind == Formulas::Kind::kZero) return formula.offset;
  if (base.kind == Formulas::Kind::kThreadPointer) {
    if (!thread_pointer_) return {};
    return thread_pointer_->value + formula.offset;
  }
  const std::pair key(frame, formula.base);
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (known_.size() >= kMostKnown) return {};
    known_.emplace(key, std::nullopt);
    const auto value = find_base(frame, {formula.base, 0});
    known = known_.find(key);
    known->second = value;
  }
  return known->second ? std::optional(*known->second + formula.offset) : std::nullopt;
}

}  // namespace pstuck
