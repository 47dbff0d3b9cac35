#include <dwarf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "symbolize/dwarf_locations.h"

namespace pstuck {
namespace {

constexpr unsigned kRbx = 3;
constexpr unsigned kRsp = 7;

/// Memory in which only single words can be read.
class Words final : public Memory {
 public:
  explicit Words(std::map<std::uint64_t, std::uint64_t> words) : words_(std::move(words)) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    const auto word = words_.find(from.value);
    if (word == words_.end() || into.size() > sizeof(std::uint64_t)) return 0;
    std::memcpy(into.data(), &word->second, into.size());
    return into.size();
  }

 private:
  std::map<std::uint64_t, std::uint64_t> words_;
};

using Operations = std::vector<DwarfOperation>;

FrameState frame_with_rbx(std::uint64_t value) {
  FrameState frame;
  frame.registers.set(kRbx, value);
  return frame;
}

std::optional<std::uint64_t> word_of(const Operations& operations, const FrameState& frame,
                                     std::uint64_t offset = 0) {
  Words memory({{0x1000, 0x11}, {0x1008, 0x1000}, {0x2000, 0x22}});
  return read_word(evaluate_location(operations, frame, memory), offset, memory);
}

bool is_unknown(const Operations& operations, const FrameState& frame = {}) {
  Words memory({});
  return evaluate_location(operations, frame, memory).empty();
}

TEST(Locations, OnTheStackFromTheFrameBase) {
  FrameState frame;
  frame.frame_base = 0x1010;
  Words memory({});
  const Operations operations = {{DW_OP_fbreg, static_cast<std::uint64_t>(-16)}};
  const Place place = evaluate_location(operations, frame, memory);
  EXPECT_EQ(whole_in_memory(place), Address{0x1000});
  EXPECT_EQ(word_of(operations, frame), 0x11U);
  EXPECT_EQ(word_of(operations, frame, 8), 0x1000U);
}

TEST(Locations, FrameBaseIsTheCanonicalFrameAddressOrARegister) {
  FrameState frame;
  frame.cfa = 0x7000;
  frame.registers.set(kRsp, 0x6000);
  Words memory({});
  EXPECT_EQ(evaluate_frame_base(Operations{{DW_OP_call_frame_cfa}}, frame, memory), 0x7000U);
  EXPECT_EQ(evaluate_frame_base(Operations{{DW_OP_reg7}}, frame, memory), 0x6000U);
  EXPECT_EQ(evaluate_frame_base(Operations{{DW_OP_breg7, 8}}, frame, memory), 0x6008U);
  EXPECT_EQ(evaluate_frame_base(Operations{}, frame, memory), std::nullopt);
}

TEST(Locations, InARegister) {
  EXPECT_EQ(word_of({{DW_OP_reg3}}, frame_with_rbx(0x1000)), 0x1000U);
  EXPECT_EQ(word_of({{DW_OP_regx, kRbx}}, frame_with_rbx(0x1000)), 0x1000U);
  Words memory({});
  EXPECT_EQ(whole_in_memory(evaluate_location(Operations{{DW_OP_reg3}}, frame_with_rbx(0), memory)),
            std::nullopt);
}

TEST(Locations, WhereARegisterPoints) {
  EXPECT_EQ(word_of({{DW_OP_breg3, 8}}, frame_with_rbx(0x1000)), 0x1000U);
  EXPECT_EQ(word_of({{DW_OP_bregx, kRbx, 8}}, frame_with_rbx(0x1000)), 0x1000U);
}

TEST(Locations, ComputedValue) {
  EXPECT_EQ(word_of({{DW_OP_breg3, 24}, {DW_OP_stack_value}}, frame_with_rbx(0x1000)), 0x1018U);
  FrameState frame;
  frame.bias = 0x555500000000;
  EXPECT_EQ(word_of({{DW_OP_addr, 0x4040}, {DW_OP_stack_value}}, frame), 0x555500004040U);
}

TEST(Locations, Arithmetic) {
  const auto value = [](Operations operations) {
    operations.push_back({DW_OP_stack_value});
    return word_of(operations, {});
  };
  EXPECT_EQ(value({{DW_OP_lit7}, {DW_OP_const1u, 3}, {DW_OP_minus}}), 4U);
  EXPECT_EQ(value({{DW_OP_lit7}, {DW_OP_lit3}, {DW_OP_swap}, {DW_OP_minus}}), -4ULL);
  EXPECT_EQ(value({{DW_OP_lit7}, {DW_OP_dup}, {DW_OP_mul}}), 49U);
  EXPECT_EQ(value({{DW_OP_lit1}, {DW_OP_lit4}, {DW_OP_shl}}), 16U);
  EXPECT_EQ(value({{DW_OP_lit1}, {DW_OP_const1u, 64}, {DW_OP_shl}}), 0U);
  EXPECT_EQ(value({{DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_over}, {DW_OP_plus}}), 3U);
  EXPECT_EQ(value({{DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_drop}}), 1U);
  EXPECT_EQ(value({{DW_OP_const4u, 0x1234}, {DW_OP_const2u, 0xff}, {DW_OP_and}}), 0x34U);
  EXPECT_EQ(value({{DW_OP_constu, 0x1008}, {DW_OP_deref}, {DW_OP_plus_uconst, 1}}), 0x1001U);
}

TEST(Locations, WhatIsNotKnownIsNotGuessed) {
  EXPECT_TRUE(is_unknown({}));
  EXPECT_TRUE(is_unknown({{DW_OP_reg3}}));            // lost
  EXPECT_TRUE(is_unknown({{DW_OP_reg17}}));           // xmm0
  EXPECT_TRUE(is_unknown({{DW_OP_fbreg, 8}}));        // no frame base
  EXPECT_TRUE(is_unknown({{DW_OP_call_frame_cfa}}));  // no frame address
  EXPECT_TRUE(is_unknown({{DW_OP_entry_value}, {DW_OP_stack_value}}));
  EXPECT_TRUE(is_unknown({{DW_OP_implicit_pointer, 0x40}}));
  EXPECT_TRUE(is_unknown({{DW_OP_lit0}, {DW_OP_bra, 3}}));
  EXPECT_TRUE(is_unknown({{DW_OP_plus}}));                           // nothing to add
  EXPECT_TRUE(is_unknown({{DW_OP_constu, 0x9000}, {DW_OP_deref}}));  // unreadable
  EXPECT_TRUE(is_unknown({{DW_OP_form_tls_address}}));
  EXPECT_TRUE(is_unknown(Operations(1000, {DW_OP_lit0})));
}

TEST(Locations, AnOperationBehindARegisterIsNoLocation) {
  FrameState frame = frame_with_rbx(0x1000);
  EXPECT_TRUE(is_unknown({{DW_OP_reg3}, {DW_OP_plus_uconst, 8}}, frame));
  EXPECT_TRUE(is_unknown({{DW_OP_lit1}, {DW_OP_reg3}}, frame));
}

TEST(Locations, PiecesHaveTheirOwnPlaces) {
  // A unique_lock: the pointer in rbx, "owns" as a constant.
  const Operations lock = {{DW_OP_breg3, 24}, {DW_OP_stack_value}, {DW_OP_piece, 8},
                           {DW_OP_lit1},      {DW_OP_stack_value}, {DW_OP_piece, 1}};
  const FrameState frame = frame_with_rbx(0x1000);
  EXPECT_EQ(word_of(lock, frame), 0x1018U);
  EXPECT_EQ(word_of(lock, frame, 8), std::nullopt);  // one byte only
  EXPECT_EQ(word_of(lock, frame, 4), std::nullopt);  // across two pieces
  EXPECT_EQ(word_of(lock, {}), std::nullopt);        // rbx is lost
}

TEST(Locations, AnUnknownPieceHidesNoOther) {
  const Operations pair = {{DW_OP_piece, 8},  // optimised out
                           {DW_OP_entry_value}, {DW_OP_stack_value}, {DW_OP_piece, 8},
                           {DW_OP_reg3},        {DW_OP_piece, 8}};
  const FrameState frame = frame_with_rbx(0x1000);
  EXPECT_EQ(word_of(pair, frame), std::nullopt);
  EXPECT_EQ(word_of(pair, frame, 8), std::nullopt);
  EXPECT_EQ(word_of(pair, frame, 16), 0x1000U);
  EXPECT_EQ(word_of(pair, frame, 24), std::nullopt);
}

TEST(Locations, PiecesOfBitsAndEmptyOnesAreNotTaken) {
  const FrameState frame = frame_with_rbx(0x1000);
  EXPECT_TRUE(is_unknown({{DW_OP_reg3}, {DW_OP_bit_piece, 8, 0}}, frame));
  EXPECT_TRUE(is_unknown({{DW_OP_reg3}, {DW_OP_piece, 0}}, frame));
  EXPECT_TRUE(is_unknown({{DW_OP_reg3}, {DW_OP_piece, 8}, {DW_OP_reg3}}, frame));
  EXPECT_TRUE(
      is_unknown({{DW_OP_reg3}, {DW_OP_piece, UINT64_MAX}, {DW_OP_reg3}, {DW_OP_piece, 8}}, frame));
}

}  // namespace
}  // namespace pstuck
