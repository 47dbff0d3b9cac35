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
//
// And on AArch64 (Arm Architecture Reference Manual, C6.2), where all instructions have four bytes:
//
//     bl  target                      call function, or a PLT stub
//     blr xN                          call through a register, or blraa and its kin: not known
//     [bti c] adrp x16, page of slot; ldr x17, [x16, slot]; …; br x17     a PLT stub

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

/// A number of so many bits, with its sign.
std::uint64_t sign_extended(std::uint64_t number, unsigned bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return ((number & (2 * sign - 1)) ^ sign) - sign;
}

/// The target itself where the code there is no PLT stub.
std::optional<Address> follow_aarch64_stub(Memory& memory, Address called) {
  constexpr std::uint32_t kBranchTarget = 0xd503245f;  // bti c
  constexpr std::uint64_t kPage = 4096;                // of adrp, whatever the kernel's are
  const Address stub =
      memory.read_object<std::uint32_t>(called) == kBranchTarget ? called + 4 : called;
  const auto code = memory.read_object<std::array<std::uint32_t, 2>>(stub);
  if (!code) return called;
  const auto [adrp, load] = *code;
  const bool is_stub = (adrp & 0x9f00001f) == 0x90000010 && (load & 0xffc003ff) == 0xf9400211;
  if (!is_stub) return called;
  const std::uint64_t pages = sign_extended((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3), 21);
  const std::uint64_t slot = stub.value / kPage * kPage + pages * kPage + (load >> 10 & 0xfff) * 8;
  return read_slot(memory, {slot});
}

std::optional<CallSite> decode_aarch64_call_before(Memory& memory, Address return_address) {
  const Address at = return_address - sizeof(std::uint32_t);
  const auto call = memory.read_object<std::uint32_t>(at);
  if (!call) return {};
  if ((*call & 0xfc000000) == 0x94000000) {
    return CallSite{follow_aarch64_stub(memory, at + 4 * sign_extended(*call, 26))};
  }
  const bool is_through_register = (*call & 0xfffffc1f) == 0xd63f0000;
  const bool is_authenticated = (*call & 0xfefff800) == 0xd63f0800;
  return is_through_register || is_authenticated ? std::optional(CallSite{}) : std::nullopt;
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

std::optional<CallSite> decode_call_before(Memory& memory, Address return_address,
                                           Machine machine) {
  if (machine == Machine::kAArch64) return decode_aarch64_call_before(memory, return_address);
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
