#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attach/memory.h"
#include "symbolize/function_ranges.h"

namespace pstuck {

/// x86-64's general registers by their number in the instruction set: rax rcx rdx rbx rsp rbp rsi
/// rdi r8 … r15.
enum MachineRegister : std::uint8_t {
  kRax = 0,
  kRcx = 1,
  kRdx = 2,
  kRbx = 3,
  kRsp = 4,
  kRbp = 5,
  kRsi = 6,
  kRdi = 7,
  kR8 = 8,
  kR9 = 9,
  kR12 = 12,
  kR13 = 13,
  kR14 = 14,
  kR15 = 15,
  kNoRegister = 0xff,
};
inline constexpr std::size_t kMachineRegisters = 16;

/// What a call passes integers and pointers in, first argument first (System V ABI, 3.2.3).
inline constexpr std::array<MachineRegister, 6> kArgumentRegisters = {kRdi, kRsi, kRdx,
                                                                      kRcx, kR8,  kR9};

/// A register, a number, or a place in memory. An operand of a kind that the flow of pointers does
/// not need is kNone.
struct Operand {
  enum class Kind : std::uint8_t { kNone, kRegister, kNumber, kMemory };
  Kind kind = Kind::kNone;
  std::uint8_t size = 0;               ///< bytes
  MachineRegister base = kNoRegister;  ///< the register itself, or what a place counts from
  MachineRegister index = kNoRegister;
  std::uint8_t scale = 1;
  bool thread_relative = false;  ///< counts from fs_base
  std::int64_t number = 0;       ///< also a place's displacement; rip-relative ones are resolved
};

enum class Operation : std::uint8_t {
  kOther,    ///< writes the registers in Instruction::written
  kNothing,  ///< padding
  kMove,
  kLoadAddress,
  kAdd,
  kSubtract,
  kShiftLeft,  ///< by a number
  kMultiply,   ///< by the number `factor`
  kExtend,     ///< 32 bits to 64, signed
  kClear,      ///< xor of a register with itself
  kTest,       ///< the flags say whether Instruction::to is zero
  kExchange,   ///< of a place `to` and a register `from`
  kFetchAdd,   ///< the same: the register's value is added to the place, whose old one it gets
  /// Of a place `to` that must hold what rax holds, and a register `from`; the flags say zero where
  /// it does.
  kCompareExchange,
  kSetIfZero,
  kSetIfNotZero,
  kPush,
  kPop,
  kLeave,
  kCall,
  kJump,
  kJumpIfZero,
  kJumpIfNotZero,
  kJumpIf,  ///< any other condition
  kReturn,
  kStop,  ///< nothing comes behind it: ud2, hlt
};

struct Instruction {
  Address at;
  std::uint8_t length = 0;
  Operation operation = Operation::kOther;
  std::uint16_t written = 0;  ///< bit n: register n is changed
  bool writes_flags = false;
  bool writes_string = false;  ///< to memory, nobody knows how much
  Operand to;                  ///< also what is pushed, popped, tested, called
  Operand from;
  std::uint64_t factor = 0;
  std::optional<Address> target;  ///< of a direct call or jump

  [[nodiscard]] Address end() const { return at + length; }
};

/// The instructions of a function in ascending order, without gaps.
struct FunctionCode {
  FunctionRange range;
  std::vector<Instruction> instructions;

  /// None when no instruction begins there.
  [[nodiscard]] std::optional<std::size_t> find(Address at) const;
};

/// Decodes functions of x86-64 with Capstone, within a budget: what a hostile target can make it
/// decode is bounded.
class MachineCode {
 public:
  /// Both must outlive it.
  MachineCode(FunctionRanges& ranges, Memory& memory);
  ~MachineCode();
  MachineCode(const MachineCode&) = delete;
  MachineCode& operator=(const MachineCode&) = delete;

  /// The function around an address. None where there is none, when it has more than
  /// `most_bytes` of code, when its bytes cannot be read or decoded, and when the budget is used
  /// up.
  std::optional<FunctionCode> decode(Address at, std::uint64_t most_bytes);

  /// The instruction that begins there; none as above.
  std::optional<Instruction> decode_one(Address at);

  /// The budget is used up.
  [[nodiscard]] bool is_exhausted() const;

  /// A function whose bytes are given; none as above.
  std::optional<FunctionCode> decode_bytes(const FunctionRange& range,
                                           std::span<const std::byte> bytes);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
