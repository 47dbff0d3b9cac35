#include "symbolize/formulas.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::uint8_t kDeepest = 12;
constexpr std::size_t kMostBases = 1 << 18;
constexpr std::size_t kMostPassing = 16;

}  // namespace

Formulas::Formulas() {
  intern({.kind = Kind::kZero});
  for (std::uint64_t i = 0; i < kMachineRegisters; ++i) intern({.kind = Kind::kEntry, .where = i});
  intern({.kind = Kind::kThreadPointer});
}

Formula Formulas::intern(const Base& base) {
  const auto found = numbers_.find(base);
  if (found != numbers_.end()) return {found->second, 0};
  std::uint8_t depth = 0;
  for (const Formula operand : {base.of, base.with}) {
    if (!operand.known()) continue;
    depth = std::max<std::uint8_t>(depth, depths_[static_cast<std::size_t>(operand.base)] + 1U);
  }
  if (depth > kDeepest || bases_.size() >= kMostBases) return {};
  std::vector<std::int32_t> passing;
  for (const Formula operand : {base.of, base.with}) {
    if (!operand.known()) continue;
    const auto& more = passing_[static_cast<std::size_t>(operand.base)];
    passing.insert(passing.end(), more.begin(), more.end());
  }
  const auto number = static_cast<std::int32_t>(bases_.size());
  if (base.kind == Kind::kResult || base.kind == Kind::kJoined) passing.push_back(number);
  std::ranges::sort(passing);
  passing.erase(std::unique(passing.begin(), passing.end()), passing.end());
  if (passing.size() > kMostPassing) return {};
  bases_.push_back(base);
  depths_.push_back(depth);
  passing_.push_back(std::move(passing));
  numbers_.emplace(base, number);
  return {number, 0};
}

Formula Formulas::load(Formula address) {
  if (!address.known()) return {};
  return intern({.kind = Kind::kLoad, .of = address});
}

Formula Formulas::low(Formula value) {
  if (!value.known()) return {};
  if (value.base == 0) return number(value.offset & 0xffffffff);
  if (base(value).kind == Kind::kLow && value.offset == 0) return value;
  return intern({.kind = Kind::kLow, .of = value});
}

Formula Formulas::sign_extended(Formula value) {
  if (!value.known()) return {};
  if (value.base == 0) {
    const auto half = static_cast<std::int32_t>(static_cast<std::uint32_t>(value.offset));
    return number(static_cast<std::uint64_t>(std::int64_t{half}));
  }
  const bool is_low = base(value).kind == Kind::kLow && value.offset == 0;
  return intern({.kind = Kind::kSigned, .of = is_low ? base(value).of : value});
}

Formula Formulas::sum(Formula a, Formula b) {
  if (!a.known() || !b.known()) return {};
  if (a.base == 0) return b + a.offset;
  if (b.base == 0) return a + b.offset;
  const std::uint64_t offset = a.offset + b.offset;
  const auto [low, high] = std::minmax(a.base, b.base);
  const Formula whole = intern({.kind = Kind::kSum, .of = {low, 0}, .with = {high, 0}});
  return whole.known() ? whole + offset : whole;
}

Formula Formulas::product(Formula value, std::uint64_t factor) {
  if (!value.known()) return {};
  if (value.base == 0) return number(value.offset * factor);
  if (factor == 1) return value;
  const Formula whole = intern({.kind = Kind::kProduct, .where = factor, .of = {value.base, 0}});
  return whole.known() ? whole + value.offset * factor : whole;
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
  if (!formula.known()) return false;
  return std::ranges::any_of(passing_[static_cast<std::size_t>(formula.base)],
                             [&](std::int32_t number) {
                               const Base& passing = bases_[static_cast<std::size_t>(number)];
                               return passing.kind == kind && passing.where == where;
                             });
}

bool Formulas::has_result(Address instruction) const {
  return numbers_.contains({.kind = Kind::kResult, .where = instruction.value});
}

}  // namespace pstuck
