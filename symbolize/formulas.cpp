#include "symbolize/formulas.h"

namespace pstuck {
namespace {

constexpr std::uint8_t kDeepest = 5;
constexpr std::size_t kMostBases = 1 << 18;

}  // namespace

Formulas::Formulas() {
  intern({.kind = Kind::kZero});
  for (std::uint64_t i = 0; i < kMachineRegisters; ++i) intern({.kind = Kind::kEntry, .where = i});
  intern({.kind = Kind::kThreadPointer});
}

Formula Formulas::intern(const Base& base) {
  const auto found = numbers_.find(base);
  if (found != numbers_.end()) return {found->second, 0};
  const std::uint8_t depth =
      base.of.known() ? depths_[static_cast<std::size_t>(base.of.base)] + 1U : 0U;
  if (depth > kDeepest || bases_.size() >= kMostBases) return {};
  const auto number = static_cast<std::int32_t>(bases_.size());
  bases_.push_back(base);
  depths_.push_back(depth);
  numbers_.emplace(base, number);
  return {number, 0};
}

Formula Formulas::load(Formula address) {
  if (!address.known()) return {};
  return intern({.kind = Kind::kLoad, .of = address});
}

Formula Formulas::result(Address instruction) {
  return intern({.kind = Kind::kResult, .where = instruction.value});
}

Formula Formulas::joined(Address block, const Place& place) {
  // A register's number stands in the offset of a formula without base.
  const Formula of =
      place.in_register == kNoRegister ? place.address : Formula{-1, place.in_register};
  return intern({.kind = Kind::kJoined, .where = block.value, .of = of});
}

bool Formulas::mentions(Formula formula, Kind kind, std::uint64_t where) const {
  while (formula.known()) {
    const Base& of = base(formula);
    if (of.kind == kind && of.where == where) return true;
    formula = of.of;
  }
  return false;
}

bool Formulas::has_result(Address instruction) const {
  return numbers_.contains({.kind = Kind::kResult, .where = instruction.value});
}

}  // namespace pstuck
