// The callee of a frame, from its machine code.
//
// The bytes before a return address are a call. Instructions cannot be decoded backwards without
// doubt, so this is one reading of them that a caller must check: that the target is where some
// function begins. Forms on x86-64 (Intel SDM volume 2, CALL and JMP):
//
//     e8 rel32                        call function, or a PLT stub
//     ff 15 rel32                     call *slot(%rip): -fno-plt
//     [41] ff /2                      call through a register or memory: not known any more
//     [f3 0f 1e fa] [f2] ff 25 rel32  a PLT stub: jmp *slot(%rip)

#include "symbolize/call_site.h"

namespace pstuck {
namespace {

constexpr std::size_t kLongestCall = 8;
constexpr std::size_t kLongestStub = 11;

using Bytes = std::span<const std::byte>;

unsigned at(Bytes bytes, std::size_t index) { return std::to_integer<unsigned>(bytes[index]); }

/// The target of a rip-relative operand that ends at `next`.
Address add_relative(Address next, Bytes operand) {
  std::int32_t offset = 0;
  std::memcpy(&offset, operand.data(), sizeof(offset));
  return next + static_cast<std::uint64_t>(std::int64_t{offset});
}

std::optional<Address> read_slot(Memory& memory, Address slot) {
  const auto word = memory.read_object<std::uint64_t>(slot);
  return word ? std::optional(Address{*word}) : std::nullopt;
}

/// Whether the bytes end with ff /2 in one of its lengths.
bool ends_with_indirect_call(Bytes code) {
  for (std::size_t length = 2; length <= 7 && length <= code.size(); ++length) {
    const Bytes call = code.last(length);
    if (at(call, 0) != 0xff || (at(call, 1) >> 3 & 7) != 2) continue;
    const unsigned mode = at(call, 1) >> 6;
    const unsigned base = at(call, 1) & 7;
    std::size_t expected = 2;
    if (mode != 3 && base == 4) ++expected;
    if (mode == 1) expected += 1;
    if (mode == 2 || (mode == 0 && base == 5)) expected += 4;
    // Without a base register the SIB byte is followed by an address.
    if (mode == 0 && base == 4 && length >= 3 && (at(call, 2) & 7) == 5) expected += 4;
    if (expected == length) return true;
  }
  return false;
}

}  // namespace

std::optional<Address> find_stub_slot(Memory& memory, Address stub) {
  std::array<std::byte, kLongestStub> buffer;
  const std::size_t size = memory.read(stub, buffer);
  const Bytes code = Bytes(buffer).first(size);
  std::size_t i = 0;
  if (size >= 4 && at(code, 0) == 0xf3 && at(code, 1) == 0x0f && at(code, 2) == 0x1e &&
      at(code, 3) == 0xfa) {
    i = 4;
  }
  if (i < size && at(code, i) == 0xf2) ++i;
  if (i + 6 > size || at(code, i) != 0xff || at(code, i + 1) != 0x25) return {};
  return add_relative(stub + i + 6, code.subspan(i + 2, 4));
}

std::optional<Address> follow_stub(Memory& memory, Address called) {
  const auto slot = find_stub_slot(memory, called);
  return slot ? read_slot(memory, *slot) : called;
}

std::optional<CallSite> decode_call_before(Memory& memory, Address return_address) {
  std::array<std::byte, kLongestCall> buffer;
  if (memory.read(return_address - buffer.size(), buffer) != buffer.size()) return {};
  const Bytes code(buffer);
  const Bytes operand = code.last(4);
  if (at(code, 3) == 0xe8) {
    return CallSite{follow_stub(memory, add_relative(return_address, operand))};
  }
  if (at(code, 2) == 0xff && at(code, 3) == 0x15) {
    return CallSite{read_slot(memory, add_relative(return_address, operand))};
  }
  if (ends_with_indirect_call(code)) return CallSite{};
  return {};
}

}  // namespace pstuck
