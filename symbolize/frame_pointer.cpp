// The frame pointer of a thread that was read without a stop.
//
// Such a thread's rbp is unknown, and unoptimised code addresses its whole frame by it:
//
//     push %rbp            the unwind table: CFA = rsp + 8   from here (the function's first byte)
//     mov  %rsp,%rbp                         CFA = rsp + 16  from here
//     push %rbx                              CFA = rbp + 16  from here on
//     sub  $0x28,%rsp
//     …                                           stack, upwards:  sp    locals, 0x28 bytes
//     call epoll_wait                                                    saved rbx
//                                                                  rbp → saved rbp
//                                                                        return address
//
// What the prologue subtracts is what lies between the frame's sp and rbp. So the table leads back
// to the function's first byte, the prologue is decoded from there, and the result is believed only
// when a return address stands where it says: behind a call, in code, and if that call is a direct
// one, a call of this very function. Where arguments were pushed for the call, or alloca() has
// moved the stack pointer, nothing fits and the stack stays cut.

#include "symbolize/frame_pointer.h"

#include <algorithm>
#include <array>

#include "symbolize/call_site.h"
#include "symbolize/unwind_tables.h"

namespace pstuck {
namespace {

constexpr unsigned kRbp = 6;
constexpr unsigned kRsp = 7;

// Rows of the unwind table from a function's start to any place in its body.
constexpr int kMostRows = 64;
constexpr std::size_t kLongestPrologue = 64;

/// A function that sets up rbp first thing.
struct FramedFunction {
  Address entry;
  Address after_setup;  ///< behind mov %rsp,%rbp
};

bool has_base(const std::optional<UnwindRow>& row, const FrameBase& base) {
  return row && row->base == base;
}

std::optional<FramedFunction> find_framed_function(LoadedModules& modules, Address at) {
  std::optional<Address> body;
  auto row = find_unwind_row(modules, at);
  for (int i = 0; i < kMostRows && has_base(row, {kRbp, 16}); ++i) {
    body = row->start;
    row = find_unwind_row(modules, *body - 1);
  }
  if (!body || !has_base(row, {kRsp, 16})) return {};
  row = find_unwind_row(modules, row->start - 1);
  if (!has_base(row, {kRsp, 8})) return {};
  return FramedFunction{row->start, *body};
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

}  // namespace

std::uint64_t decode_frame_size(std::span<const std::byte> code) {
  const auto is = [&](std::size_t at, unsigned value, unsigned mask = 0xff) {
    return at < code.size() && (std::to_integer<unsigned>(code[at]) & mask) == value;
  };
  std::uint64_t size = 0;
  std::size_t at = 0;
  while (true) {
    if (is(at, 0x50, 0xf8)) {  // push
      at += 1;
      size += 8;
    } else if (is(at, 0x41) && is(at + 1, 0x50, 0xf8)) {  // push r8-r15
      at += 2;
      size += 8;
    } else if (is(at, 0x48) && is(at + 1, 0x83) && is(at + 2, 0xec) && at + 4 <= code.size()) {
      return size + little_endian(code.subspan(at + 3, 1));  // sub $imm8,%rsp
    } else if (is(at, 0x48) && is(at + 1, 0x81) && is(at + 2, 0xec) && at + 7 <= code.size()) {
      return size + little_endian(code.subspan(at + 3, 4));  // sub $imm32,%rsp
    } else if (is(at, 0x48) && is(at + 1, 0x83) && is(at + 2, 0xc4) && is(at + 3, 0x80)) {
      return size + 128;  // add $-128,%rsp is a shorter sub $128
    } else {
      return size;
    }
  }
}

std::optional<Address> find_frame_pointer(LoadedModules& modules, Memory& memory,
                                          const Frame& frame) {
  if (!frame.sp || !modules.decodes_code()) return {};
  const auto function = find_framed_function(modules, frame.pc.for_lookup());
  if (!function || function->after_setup > frame.pc.address()) return {};
  std::array<std::byte, kLongestPrologue> code;
  const std::size_t length =
      std::min<std::uint64_t>(code.size(), frame.pc.address() - function->after_setup);
  if (memory.read(function->after_setup, std::span(code).first(length)) != length) return {};
  const Address rbp = *frame.sp + decode_frame_size(std::span(code).first(length));
  const auto caller = memory.read_object<std::uint64_t>(rbp + 8);
  if (!caller || !modules.is_code(Address{*caller} - 1)) return {};
  const auto call = decode_call_before(memory, {*caller});
  if (!call) return {};
  if (call->target && call->target != function->entry) return {};
  return rbp;
}

}  // namespace pstuck
