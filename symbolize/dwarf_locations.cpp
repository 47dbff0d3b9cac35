// Location expressions: where a variable is, for a frame that has called on.
//
// An expression is a small program for a stack machine. What is left on the stack is the variable's
// address; or after DW_OP_stack_value its content; a register operation says that the register has
// the content. DW_OP_piece closes what came before as the next bytes of the variable:
//
//     unique_lock lk:   DW_OP_breg3 rbx+24, DW_OP_stack_value, DW_OP_piece 8    _M_device
//                       DW_OP_lit1, DW_OP_stack_value, DW_OP_piece 1            _M_owns
//
// Evaluated is what compilers write for variables that still exist. All else makes the piece, or
// without pieces the variable, unknown: the values that registers had on entry, values of types
// other than the machine's word, pointers to what does not exist, branches.

#include "symbolize/dwarf_locations.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <utility>

namespace pstuck {
namespace {

constexpr std::size_t kMostOperations = 256;
constexpr std::size_t kDeepestStack = 64;
constexpr std::uint64_t kWordSize = 8;

/// libdw's operation with what it refers to in other sections resolved.
std::optional<DwarfOperation> resolve(Dwarf_Attribute& location, const Dwarf_Op& operation) {
  const bool is_address = operation.atom == DW_OP_addrx || operation.atom == DW_OP_GNU_addr_index;
  const bool is_constant =
      operation.atom == DW_OP_constx || operation.atom == DW_OP_GNU_const_index;
  if (!is_address && !is_constant) {
    return DwarfOperation{operation.atom, operation.number, operation.number2};
  }
  Dwarf_Attribute indexed;
  Dwarf_Addr value = 0;
  if (dwarf_getlocation_attr(&location, &operation, &indexed) != 0) return {};
  if (dwarf_formaddr(&indexed, &value) != 0 && dwarf_formudata(&indexed, &value) != 0) return {};
  return DwarfOperation{static_cast<std::uint8_t>(is_address ? DW_OP_addr : DW_OP_constu), value,
                        0};
}

std::vector<DwarfOperation> read_expression(const DwarfEntry& entry, unsigned name,
                                            std::uint64_t pc) {
  Dwarf_Die die{entry.bytes(), entry.unit(), nullptr, 0};
  Dwarf_Attribute attribute;
  Dwarf_Op* expressions[2] = {};
  std::size_t lengths[2] = {};
  if (!dwarf_attr(&die, name, &attribute)) return {};
  const int count = dwarf_getlocation_addr(&attribute, pc, expressions, lengths, 2);
  if (count != 1 || lengths[0] > kMostOperations) return {};
  std::vector<DwarfOperation> operations;
  for (std::size_t i = 0; i < lengths[0]; ++i) {
    const auto operation = resolve(attribute, expressions[0][i]);
    if (!operation) return {};
    operations.push_back(*operation);
  }
  return operations;
}

/// The operations of a location that does not depend on the pc.
std::vector<DwarfOperation> read_constant_location(const DwarfEntry& variable) {
  Dwarf_Die die{variable.bytes(), variable.unit(), nullptr, 0};
  Dwarf_Attribute attribute;
  Dwarf_Op* expression = nullptr;
  std::size_t length = 0;
  if (!dwarf_attr(&die, DW_AT_location, &attribute)) return {};
  if (dwarf_getlocation(&attribute, &expression, &length) != 0 || length > 2) return {};
  std::vector<DwarfOperation> operations;
  for (std::size_t i = 0; i < length; ++i) {
    const auto operation = resolve(attribute, expression[i]);
    if (!operation) return {};
    operations.push_back(*operation);
  }
  return operations;
}

/// The stack machine, for one piece after the other.
class Evaluator {
 public:
  Evaluator(const FrameState& frame, Memory& memory) : frame_(frame), memory_(memory) {}

  /// False for what cannot be evaluated.
  bool step(const DwarfOperation& operation);

  /// What the operations so far amount to; the machine begins anew.
  Piece finish();

  [[nodiscard]] bool is_untouched() const { return depth_ == 0 && !value_; }

 private:
  std::uint64_t& top() { return stack_[depth_ - 1]; }
  bool push(std::uint64_t value);
  bool push_register(std::uint64_t number, std::uint64_t offset);
  bool take_register(std::uint64_t number);
  bool load(std::uint64_t size);
  bool pick(std::uint64_t depth);
  bool compute(std::uint8_t code);

  const FrameState& frame_;
  Memory& memory_;
  std::array<std::uint64_t, kDeepestStack> stack_;
  std::size_t depth_ = 0;
  std::optional<std::uint64_t> value_;  // the piece is not in memory
};

bool Evaluator::push(std::uint64_t value) {
  if (depth_ == kDeepestStack) return false;
  stack_[depth_++] = value;
  return true;
}

bool Evaluator::push_register(std::uint64_t number, std::uint64_t offset) {
  const auto value = frame_.registers.get(number);
  return value && push(*value + offset);
}

bool Evaluator::take_register(std::uint64_t number) {
  if (!is_untouched() || !push_register(number, 0)) return false;
  value_ = top();
  return true;
}

bool Evaluator::load(std::uint64_t size) {
  if (depth_ == 0 || size == 0 || size > kWordSize) return false;
  std::array<std::byte, kWordSize> bytes{};
  const auto wanted = std::span(bytes).first(size);
  if (memory_.read({top()}, wanted) != size) return false;
  std::memcpy(&top(), bytes.data(), kWordSize);
  return true;
}

bool Evaluator::pick(std::uint64_t depth) {
  return depth < depth_ && push(stack_[depth_ - 1 - depth]);
}

bool Evaluator::compute(std::uint8_t code) {
  if (depth_ < 2) return false;
  const std::uint64_t b = top();
  --depth_;
  std::uint64_t& a = top();
  switch (code) {
    case DW_OP_plus:
      a += b;
      return true;
    case DW_OP_minus:
      a -= b;
      return true;
    case DW_OP_mul:
      a *= b;
      return true;
    case DW_OP_and:
      a &= b;
      return true;
    case DW_OP_or:
      a |= b;
      return true;
    case DW_OP_xor:
      a ^= b;
      return true;
    case DW_OP_shl:
      a = b < 64 ? a << b : 0;
      return true;
    case DW_OP_shr:
      a = b < 64 ? a >> b : 0;
      return true;
    case DW_OP_swap:
      return push(std::exchange(a, b));
    default:
      return false;
  }
}

bool Evaluator::step(const DwarfOperation& operation) {
  const std::uint8_t code = operation.code;
  if (value_) return false;  // only DW_OP_piece may follow
  if (code >= DW_OP_lit0 && code <= DW_OP_lit31) return push(code - DW_OP_lit0);
  if (code >= DW_OP_reg0 && code <= DW_OP_reg31) return take_register(code - DW_OP_reg0);
  if (code >= DW_OP_breg0 && code <= DW_OP_breg31) {
    return push_register(code - DW_OP_breg0, operation.operand);
  }
  switch (code) {
    case DW_OP_addr:
      return push(operation.operand + frame_.bias);
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
      return push(operation.operand);
    case DW_OP_regx:
      return take_register(operation.operand);
    case DW_OP_bregx:
      return push_register(operation.operand, operation.second);
    case DW_OP_fbreg:
      return frame_.frame_base && push(*frame_.frame_base + operation.operand);
    case DW_OP_call_frame_cfa:
      return frame_.cfa && push(*frame_.cfa);
    case DW_OP_deref:
      return load(kWordSize);
    case DW_OP_deref_size:
      return load(operation.operand);
    case DW_OP_dup:
      return pick(0);
    case DW_OP_over:
      return pick(1);
    case DW_OP_pick:
      return pick(operation.operand);
    case DW_OP_drop:
      if (depth_ == 0) return false;
      --depth_;
      return true;
    case DW_OP_plus_uconst:
      if (depth_ == 0) return false;
      top() += operation.operand;
      return true;
    case DW_OP_stack_value:
      if (depth_ == 0) return false;
      value_ = top();
      return true;
    case DW_OP_nop:
      return true;
    default:
      return compute(code);
  }
}

Piece Evaluator::finish() {
  Piece piece;
  if (value_) {
    piece = {.kind = Piece::Kind::kValue, .value = *value_};
  } else if (depth_ != 0) {
    piece = {.kind = Piece::Kind::kMemory, .value = top()};
  }
  depth_ = 0;
  value_.reset();
  return piece;
}

}  // namespace

std::vector<DwarfOperation> read_location(const DwarfEntry& variable, std::uint64_t pc) {
  return read_expression(variable, DW_AT_location, pc);
}

std::vector<DwarfOperation> read_frame_base(const DwarfEntry& function, std::uint64_t pc) {
  return read_expression(function, DW_AT_frame_base, pc);
}

std::optional<std::uint64_t> read_fixed_address(const DwarfEntry& variable) {
  const auto operations = read_constant_location(variable);
  if (operations.size() != 1 || operations[0].code != DW_OP_addr) return {};
  return operations[0].operand;
}

std::optional<std::uint64_t> read_thread_local_offset(const DwarfEntry& variable) {
  const auto operations = read_constant_location(variable);
  if (operations.size() != 2) return {};
  const std::uint8_t last = operations[1].code;
  if (last != DW_OP_form_tls_address && last != DW_OP_GNU_push_tls_address) return {};
  switch (operations[0].code) {
    case DW_OP_const4u:
    case DW_OP_const8u:
    case DW_OP_constu:
      return operations[0].operand;
    default:
      return {};
  }
}

Place evaluate_location(std::span<const DwarfOperation> operations, const FrameState& frame,
                        Memory& memory) {
  if (operations.size() > kMostOperations) return {};
  Evaluator evaluator(frame, memory);
  Place place;
  std::uint64_t offset = 0;
  bool failed = false;
  bool open = false;  // operations that no piece has closed yet
  for (const DwarfOperation& operation : operations) {
    if (operation.code == DW_OP_bit_piece) return {};
    if (operation.code != DW_OP_piece) {
      open = true;
      failed = failed || !evaluator.step(operation);
      continue;
    }
    Piece piece = evaluator.finish();
    if (failed) piece = {};
    piece.offset = offset;
    piece.size = operation.operand;
    if (piece.size == 0 || offset + piece.size < offset) return {};
    offset += piece.size;
    place.push_back(piece);
    failed = false;
    open = false;
  }
  if (!open) return place;
  // Either the whole variable or all of it in pieces.
  if (failed || !place.empty()) return {};
  const Piece piece = evaluator.finish();
  if (piece.kind != Piece::Kind::kUnknown) place.push_back(piece);
  return place;
}

std::optional<std::uint64_t> evaluate_frame_base(std::span<const DwarfOperation> operations,
                                                 const FrameState& frame, Memory& memory) {
  const Place place = evaluate_location(operations, frame, memory);
  if (place.size() != 1 || place[0].size != 0) return {};
  return place[0].value;
}

std::optional<Address> whole_in_memory(const Place& place) {
  const bool whole = place.size() == 1 && place[0].kind == Piece::Kind::kMemory;
  if (!whole || place[0].size != 0) return {};
  return Address{place[0].value};
}

std::optional<std::uint64_t> read_word(const Place& place, std::uint64_t offset, Memory& memory) {
  for (const Piece& piece : place) {
    if (offset < piece.offset) return {};
    const std::uint64_t inside = offset - piece.offset;
    if (piece.size != 0 && inside >= piece.size) continue;
    if (piece.size != 0 && piece.size - inside < kWordSize) return {};
    if (piece.kind == Piece::Kind::kMemory) {
      return memory.read_object<std::uint64_t>(Address{piece.value} + inside);
    }
    if (piece.kind == Piece::Kind::kValue && inside == 0) return piece.value;
    return {};
  }
  return {};
}

}  // namespace pstuck
