#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "attach/memory.h"
#include "symbolize/dwarf_entry.h"

namespace pstuck {

/// One operation of a location expression, its addresses as linked.
struct DwarfOperation {
  std::uint8_t code = 0;  ///< DW_OP_…
  std::uint64_t operand = 0;
  std::uint64_t second = 0;

  friend bool operator==(const DwarfOperation&, const DwarfOperation&) = default;
};

/// What is known of a frame's machine state.
struct FrameState {
  Registers registers;
  std::optional<std::uint64_t> cfa;         ///< the canonical frame address
  std::optional<std::uint64_t> frame_base;  ///< what DW_OP_fbreg counts from
  std::uint64_t bias = 0;                   ///< from DWARF's addresses to the target's
};

/// Some bytes of a variable: in memory, in a register or known without being stored.
struct Piece {
  enum class Kind { kMemory, kValue, kUnknown };

  Kind kind = Kind::kUnknown;
  std::uint64_t value = 0;   ///< the address for kMemory
  std::uint64_t offset = 0;  ///< in the variable
  std::uint64_t size = 0;    ///< 0: to the variable's end
};

/// Where a variable is: its pieces, ascending and without gaps.
using Place = std::vector<Piece>;

/// The variable's location at an address as linked. Empty where the variable does not exist, has
/// been optimised out, or where two locations contradict each other.
std::vector<DwarfOperation> read_location(const DwarfEntry& variable, std::uint64_t pc);

/// The same for a function's frame base.
std::vector<DwarfOperation> read_frame_base(const DwarfEntry& function, std::uint64_t pc);

/// As linked, of a variable with one address for its whole life.
std::optional<std::uint64_t> read_fixed_address(const DwarfEntry& variable);

/// As offset in the module's thread-local storage.
std::optional<std::uint64_t> read_thread_local_offset(const DwarfEntry& variable);

/// Empty when the expression needs what is not known: a lost register, the caller's values
/// (entry_value), a variable without a place of its own (implicit_pointer), bits.
Place evaluate_location(std::span<const DwarfOperation> operations, const FrameState& frame,
                        Memory& memory);

/// What a frame-base expression says: a register's content, or an address.
std::optional<std::uint64_t> evaluate_frame_base(std::span<const DwarfOperation> operations,
                                                 const FrameState& frame, Memory& memory);

/// Where the variable lies in memory as a whole.
std::optional<Address> whole_in_memory(const Place& place);

/// Eight bytes of the variable, which lie in one piece.
std::optional<std::uint64_t> read_word(const Place& place, std::uint64_t offset, Memory& memory);

}  // namespace pstuck
