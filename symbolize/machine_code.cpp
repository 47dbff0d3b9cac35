#include "symbolize/machine_code.h"

#include <capstone/capstone.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace pstuck {
namespace {

// Of one diagnosis: some 0.3 µs each.
constexpr std::size_t kMostInstructions = 400'000;

constexpr std::size_t kLongestInstruction = 15;
constexpr std::size_t kWindowSize = 512;

constexpr std::uint16_t bit(unsigned number) { return static_cast<std::uint16_t>(1U << number); }

std::uint16_t bits(std::initializer_list<unsigned> numbers) {
  unsigned all = 0;
  for (const unsigned number : numbers) all |= 1U << number;
  return static_cast<std::uint16_t>(all);
}

struct RegisterName {
  MachineRegister number = kNoRegister;
  std::uint8_t size = 0;
};

/// The general register that one of Capstone's names is or is a part of.
RegisterName find_register(unsigned name) {
  struct Names {
    std::array<unsigned, 5> parts;  // 64, 32, 16, 8 bits, second byte
  };
  static constexpr std::array<Names, kMachineRegisters> kNames = {{
      {{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH}},
      {{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH}},
      {{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH}},
      {{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH}},
      {{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, X86_REG_INVALID}},
      {{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, X86_REG_INVALID}},
      {{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, X86_REG_INVALID}},
      {{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, X86_REG_INVALID}},
      {{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, X86_REG_INVALID}},
      {{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, X86_REG_INVALID}},
      {{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, X86_REG_INVALID}},
      {{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, X86_REG_INVALID}},
      {{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, X86_REG_INVALID}},
      {{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, X86_REG_INVALID}},
      {{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, X86_REG_INVALID}},
      {{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, X86_REG_INVALID}},
  }};
  static const auto table = [] {
    std::array<RegisterName, X86_REG_ENDING> names;
    names.fill(RegisterName{});
    // The second byte is a part that only changes are noted of.
    constexpr std::array<std::uint8_t, 5> kSizes = {8, 4, 2, 1, 0};
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      for (std::size_t part = 0; part < kSizes.size(); ++part) {
        names[kNames[i].parts[part]] = {static_cast<MachineRegister>(i), kSizes[part]};
      }
    }
    names[X86_REG_INVALID] = RegisterName{};
    return names;
  }();
  return name < table.size() ? table[name] : RegisterName{};
}

Operand read_memory_operand(const cs_insn& decoded, const cs_x86_op& operand) {
  Operand place{.kind = Operand::Kind::kMemory, .size = operand.size};
  place.number = operand.mem.disp;
  if (operand.mem.segment == X86_REG_FS) {
    place.thread_relative = true;
  } else if (operand.mem.segment == X86_REG_GS) {
    return {};
  }
  if (operand.mem.base == X86_REG_RIP) {
    place.number += static_cast<std::int64_t>(decoded.address + decoded.size);
  } else if (operand.mem.base != X86_REG_INVALID) {
    place.base = find_register(operand.mem.base).number;
    if (place.base == kNoRegister) return {};
  }
  if (operand.mem.index != X86_REG_INVALID && operand.mem.index != X86_REG_RIZ) {
    place.index = find_register(operand.mem.index).number;
    place.scale = static_cast<std::uint8_t>(operand.mem.scale);
    if (place.index == kNoRegister) return {};
  }
  return place;
}

Operand read_operand(const cs_insn& decoded, std::size_t number) {
  const cs_x86& x86 = decoded.detail->x86;
  if (number >= x86.op_count) return {};
  const cs_x86_op& operand = x86.operands[number];
  switch (operand.type) {
    case X86_OP_REG: {
      const RegisterName name = find_register(operand.reg);
      if (name.number == kNoRegister || name.size == 0) return {};
      return {.kind = Operand::Kind::kRegister, .size = name.size, .base = name.number};
    }
    case X86_OP_IMM:
      return {.kind = Operand::Kind::kNumber, .size = operand.size, .number = operand.imm};
    case X86_OP_MEM:
      return read_memory_operand(decoded, operand);
    default:
      return {};
  }
}

bool is_place_and_register(const Operand& to, const Operand& from) {
  return to.kind == Operand::Kind::kMemory && from.kind == Operand::Kind::kRegister;
}

bool same_register(const Operand& a, const Operand& b) {
  return a.kind == Operand::Kind::kRegister && b.kind == Operand::Kind::kRegister &&
         a.base == b.base && a.size == b.size;
}

Operation find_operation(const cs_insn& decoded, const Operand& to, const Operand& from) {
  switch (decoded.id) {
    case X86_INS_NOP:
      return Operation::kNothing;
    case X86_INS_MOV:
    case X86_INS_MOVABS:
      return Operation::kMove;
    case X86_INS_LEA:
      return Operation::kLoadAddress;
    case X86_INS_ADD:
      return Operation::kAdd;
    case X86_INS_SUB:
      return Operation::kSubtract;
    case X86_INS_SHL:
      return from.kind == Operand::Kind::kNumber ? Operation::kShiftLeft : Operation::kOther;
    case X86_INS_IMUL:
      return decoded.detail->x86.op_count == 3 ? Operation::kMultiply : Operation::kOther;
    case X86_INS_MOVSXD:
    case X86_INS_CDQE:
      return Operation::kExtend;
    case X86_INS_XOR:
      return same_register(to, from) && to.size >= 4 ? Operation::kClear : Operation::kOther;
    case X86_INS_TEST:
      return same_register(to, from) ? Operation::kTest : Operation::kOther;
    case X86_INS_CMP:
      return from.kind == Operand::Kind::kNumber && from.number == 0 ? Operation::kTest
                                                                     : Operation::kOther;
    case X86_INS_XCHG:
      return is_place_and_register(to, from) ? Operation::kExchange : Operation::kOther;
    case X86_INS_XADD:
      return is_place_and_register(to, from) ? Operation::kFetchAdd : Operation::kOther;
    case X86_INS_CMPXCHG:
      return is_place_and_register(to, from) ? Operation::kCompareExchange : Operation::kOther;
    case X86_INS_SETE:
      return Operation::kSetIfZero;
    case X86_INS_SETNE:
      return Operation::kSetIfNotZero;
    case X86_INS_PUSH:
      return Operation::kPush;
    case X86_INS_POP:
      return Operation::kPop;
    case X86_INS_LEAVE:
      return Operation::kLeave;
    case X86_INS_CALL:
      return Operation::kCall;
    case X86_INS_JMP:
      return Operation::kJump;
    case X86_INS_JE:
      return Operation::kJumpIfZero;
    case X86_INS_JNE:
      return Operation::kJumpIfNotZero;
    case X86_INS_RET:
      return Operation::kReturn;
    case X86_INS_UD2:
    case X86_INS_HLT:
      return Operation::kStop;
    default:
      break;
  }
  for (std::uint8_t i = 0; i < decoded.detail->groups_count; ++i) {
    if (decoded.detail->groups[i] == X86_GRP_JUMP) return Operation::kJumpIf;
  }
  return Operation::kOther;
}

}  // namespace

std::optional<std::size_t> FunctionCode::find(Address at) const {
  const auto found = std::ranges::lower_bound(instructions, at, {}, &Instruction::at);
  if (found == instructions.end() || found->at != at) return {};
  return static_cast<std::size_t>(found - instructions.begin());
}

class MachineCode::Impl {
 public:
  Impl(FunctionRanges& ranges, Memory& memory);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::optional<Instruction> decode_one(Address at);
  std::optional<FunctionCode> decode(Address at, std::uint64_t most_bytes);
  std::optional<FunctionCode> decode_bytes(const FunctionRange& range,
                                           std::span<const std::byte> bytes);
  [[nodiscard]] bool is_exhausted() const { return budget_ == 0; }

 private:
  [[nodiscard]] Instruction translate(const cs_insn& decoded) const;
  void note_written(const cs_insn& decoded, Instruction& instruction) const;

  FunctionRanges& ranges_;
  Memory& memory_;
  csh decoder_ = 0;
  cs_insn* decoded_ = nullptr;
  std::size_t budget_ = kMostInstructions;
  Address window_start_;  // of decode_one(): code is asked for instruction by instruction
  std::size_t window_size_ = 0;
  std::array<std::uint8_t, kWindowSize> window_{};
};

MachineCode::Impl::Impl(FunctionRanges& ranges, Memory& memory) : ranges_(ranges), memory_(memory) {
  [[maybe_unused]] const cs_err opened = cs_open(CS_ARCH_X86, CS_MODE_64, &decoder_);
  assert(opened == CS_ERR_OK);
  cs_option(decoder_, CS_OPT_DETAIL, CS_OPT_ON);
  decoded_ = cs_malloc(decoder_);
  assert(decoded_);
}

MachineCode::Impl::~Impl() {
  cs_free(decoded_, 1);
  cs_close(&decoder_);
}

void MachineCode::Impl::note_written(const cs_insn& decoded, Instruction& instruction) const {
  cs_regs read{};
  cs_regs written{};
  std::uint8_t read_count = 0;
  std::uint8_t written_count = 0;
  if (cs_regs_access(decoder_, &decoded, read, &read_count, written, &written_count) != CS_ERR_OK) {
    instruction.written = 0xffff & ~bit(kRsp);
    instruction.writes_flags = true;
    return;
  }
  // What Capstone 4.0.2 leaves out.
  switch (decoded.id) {
    case X86_INS_CMPXCHG:
    case X86_INS_CMPXCHG8B:
    case X86_INS_CMPXCHG16B:
    case X86_INS_XLATB:
    case X86_INS_XADD:
      instruction.written |= bits({kRax, kRdx});
      instruction.writes_flags = true;
      break;
    case X86_INS_SYSCALL:
      instruction.written |= bits({kRax, kRcx, 11});
      break;
    case X86_INS_STOSB:
    case X86_INS_STOSW:
    case X86_INS_STOSD:
    case X86_INS_STOSQ:
    case X86_INS_MOVSB:
    case X86_INS_MOVSW:
    case X86_INS_MOVSD:  // also the name of a move between vector registers
    case X86_INS_MOVSQ:
      instruction.writes_string = decoded.detail->x86.operands[0].type == X86_OP_MEM;
      break;
    default:
      break;
  }
  for (std::uint8_t i = 0; i < written_count; ++i) {
    if (written[i] == X86_REG_EFLAGS) instruction.writes_flags = true;
    const MachineRegister number = find_register(written[i]).number;
    if (number != kNoRegister) instruction.written |= bit(number);
  }
}

Instruction MachineCode::Impl::translate(const cs_insn& decoded) const {
  Instruction instruction{.at = {decoded.address},
                          .length = static_cast<std::uint8_t>(decoded.size)};
  instruction.to = read_operand(decoded, 0);
  instruction.from = read_operand(decoded, 1);
  // Which one comes first is a matter of taste.
  const bool is_turned =
      decoded.id == X86_INS_XCHG && is_place_and_register(instruction.from, instruction.to);
  if (is_turned) std::swap(instruction.to, instruction.from);
  instruction.operation = find_operation(decoded, instruction.to, instruction.from);
  note_written(decoded, instruction);
  switch (instruction.operation) {
    case Operation::kCall:
    case Operation::kJump:
    case Operation::kJumpIf:
    case Operation::kJumpIfZero:
    case Operation::kJumpIfNotZero:
      if (instruction.to.kind == Operand::Kind::kNumber) {
        instruction.target = Address{static_cast<std::uint64_t>(instruction.to.number)};
      }
      break;
    case Operation::kMultiply:
      instruction.factor = static_cast<std::uint64_t>(read_operand(decoded, 2).number);
      break;
    case Operation::kShiftLeft:
      instruction.factor = std::uint64_t{1} << (instruction.from.number & 63);
      break;
    default:
      break;
  }
  if (decoded.id == X86_INS_CDQE) {
    instruction.to = {.kind = Operand::Kind::kRegister, .size = 8, .base = kRax};
    instruction.from = {.kind = Operand::Kind::kRegister, .size = 4, .base = kRax};
  }
  return instruction;
}

std::optional<FunctionCode> MachineCode::Impl::decode(Address at, std::uint64_t most_bytes) {
  const auto range = ranges_.find(at);
  if (!range || range->end - range->start > most_bytes) return {};
  std::vector<std::byte> bytes(range->end - range->start);
  if (memory_.read(range->start, bytes) != bytes.size()) return {};
  return decode_bytes(*range, bytes);
}

std::optional<FunctionCode> MachineCode::Impl::decode_bytes(const FunctionRange& range,
                                                            std::span<const std::byte> bytes) {
  FunctionCode code{.range = range, .instructions = {}};
  const auto* next = std::bit_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  std::uint64_t address = range.start.value;
  while (left > 0) {
    if (budget_ == 0) return {};
    --budget_;
    if (!cs_disasm_iter(decoder_, &next, &left, &address, decoded_)) return {};
    code.instructions.push_back(translate(*decoded_));
  }
  return code;
}

std::optional<Instruction> MachineCode::Impl::decode_one(Address at) {
  if (budget_ == 0) return {};
  --budget_;
  if (at - window_start_ >= window_size_ ||
      window_size_ - (at - window_start_) < kLongestInstruction) {
    window_start_ = at;
    window_size_ = memory_.read(at, std::as_writable_bytes(std::span(window_)));
  }
  if (window_size_ == 0) return {};
  const std::uint8_t* next = window_.data() + (at - window_start_);
  std::size_t left = window_size_ - (at - window_start_);
  std::uint64_t address = at.value;
  if (!cs_disasm_iter(decoder_, &next, &left, &address, decoded_)) return {};
  return translate(*decoded_);
}

MachineCode::MachineCode(FunctionRanges& ranges, Memory& memory)
    : impl_(std::make_unique<Impl>(ranges, memory)) {}

MachineCode::~MachineCode() = default;

std::optional<FunctionCode> MachineCode::decode(Address at, std::uint64_t most_bytes) {
  return impl_->decode(at, most_bytes);
}

std::optional<FunctionCode> MachineCode::decode_bytes(const FunctionRange& range,
                                                      std::span<const std::byte> bytes) {
  return impl_->decode_bytes(range, bytes);
}

std::optional<Instruction> MachineCode::decode_one(Address at) { return impl_->decode_one(at); }

bool MachineCode::is_exhausted() const { return impl_->is_exhausted(); }

}  // namespace pstuck
