#pragma once

#include <cassert>
#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "symbolize/machine_code.h"

namespace pstuck {

/// What a register or a word of memory holds while a function runs, told by what was there when it
/// was called: "rdi at entry, plus 40", "what stood at (rdi at entry, plus 8), plus 16". Formulas
/// that are equal stand for values that are equal, as long as no stranger writes to the heap.
struct Formula {
  std::int32_t base = -1;    ///< of Formulas' table; negative: not known
  std::uint64_t offset = 0;  ///< added; for the base "zero" it is the value itself

  [[nodiscard]] bool known() const { return base >= 0; }
  friend constexpr auto operator<=>(const Formula&, const Formula&) = default;
  friend Formula operator+(Formula a, std::uint64_t n) {
    return a.known() ? Formula{a.base, a.offset + n} : Formula{};
  }
};

/// The table of bases.
class Formulas {
 public:
  enum class Kind : std::uint8_t {
    kZero,
    kEntry,          ///< a register's value when the function was called
    kThreadPointer,  ///< fs_base
    kLoad,           ///< the word at an address
    kLow,            ///< the lower half of a value, the upper one empty
    kSigned,         ///< the lower half of a value with its sign spread over the upper one
    kSum,
    kProduct,  ///< of a value and a number
    kResult,   ///< what an instruction computed when it last ran; nothing more is known of it
    kJoined,   ///< what a place held when control last came to a block from several sides
  };

  struct Base {
    Kind kind = Kind::kZero;
    /// Register number; address of the instruction or the block; factor.
    std::uint64_t where = 0;
    Formula of;    ///< an address, an operand; kJoined: of the place, where it is memory
    Formula with;  ///< the other operand of a sum
    friend auto operator<=>(const Base&, const Base&) = default;
  };

  /// Address of a place in memory, or a register.
  struct Place {
    MachineRegister in_register = kNoRegister;
    Formula address = {};
  };

  static Formula number(std::uint64_t value) { return {0, value}; }
  static Formula entry(unsigned machine_register) {
    return {static_cast<std::int32_t>(1 + machine_register), 0};
  }
  static Formula thread_pointer() { return {1 + kMachineRegisters, 0}; }

  Formulas();

  /// Not known where an operand is not, and when the formula would become too deep.
  Formula load(Formula address);
  Formula low(Formula value);
  Formula sign_extended(Formula value);
  Formula sum(Formula a, Formula b);
  Formula product(Formula value, std::uint64_t factor);
  Formula result(Address instruction);
  Formula joined(Address block, const Place& place);

  /// Of a formula that is known.
  [[nodiscard]] const Base& base(Formula formula) const {
    assert(formula.known());
    return bases_[static_cast<std::size_t>(formula.base)];
  }
  /// The formula changes its meaning when this base is made anew.
  [[nodiscard]] bool mentions(Formula formula, Kind kind, std::uint64_t where) const;
  /// Counts from where the stack pointer stood at entry.
  [[nodiscard]] static bool is_on_stack(Formula formula) { return formula.base == 1 + kRsp; }
  /// On the stack, below the return address: what stood there at entry means nothing.
  [[nodiscard]] static bool is_in_own_frame(Formula address) {
    return is_on_stack(address) && address.offset >> 63 != 0;
  }
  [[nodiscard]] bool has_result(Address instruction) const;

 private:
  Formula intern(const Base& base);

  std::vector<Base> bases_;
  std::vector<std::uint8_t> depths_;  // by base: how many steps it is made of
  // By base: the results and joins that it is made of.
  std::vector<std::vector<std::int32_t>> passing_;
  std::map<Base, std::int32_t> numbers_;
};

}  // namespace pstuck
