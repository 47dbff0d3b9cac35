// What formulas are worth in a frame, from registers, memory and the caller.

#include "symbolize/frame_values.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

constexpr Address kFunction{0x1000};
constexpr Address kStack{0x7000};
constexpr Address kHeap{0x9000};

class Frames : public ::testing::Test {
 protected:
  Frames() {
    inner_.registers[kRsp] = Formulas::entry(kRsp) + static_cast<std::uint64_t>(-64);
    caller_.registers[kRdi] = Formulas::number(0x4242);
    facts_ = {{.state = &inner_, .function = kFunction, .sp = kStack, .callee_saved = {}},
              {.state = &caller_, .function = {0x2000}, .calls = kFunction, .callee_saved = {}}};
  }

  std::optional<std::uint64_t> evaluate(Formula formula) {
    return FrameValues(formulas_, memory_, Address{0x5000}, facts_).evaluate(0, formula);
  }
  static Formula own_slot(std::int64_t offset) {
    return Formulas::entry(kRsp) + static_cast<std::uint64_t>(offset);
  }

  Formulas formulas_;
  testing::FakeMemory memory_;
  FlowState inner_;
  FlowState caller_;
  std::vector<FrameFacts> facts_;
};

TEST_F(Frames, KnowNumbersAndTheThreadPointer) {
  EXPECT_EQ(evaluate(Formulas::number(7)), 7U);
  EXPECT_EQ(evaluate(Formulas::thread_pointer() + 16), 0x5010U);
  EXPECT_EQ(evaluate({}), std::nullopt);
}

TEST_F(Frames, FindWhatARegisterStillHolds) {
  inner_.registers[kRbx] = Formulas::entry(kRdi) + 8;
  facts_[0].callee_saved[0] = 0x9008;
  EXPECT_EQ(evaluate(Formulas::entry(kRdi) + 40), 0x9028U);
}

TEST_F(Frames, FindWhatWasSavedOnTheStack) {
  inner_.memory[own_slot(-24)] = {Formulas::entry(kRsi), 8};
  memory_.put_object(kStack + 40, std::uint64_t{0x1234});
  EXPECT_EQ(evaluate(Formulas::entry(kRsi)), 0x1234U);
}

TEST_F(Frames, FindArgumentsInTheCaller) { EXPECT_EQ(evaluate(Formulas::entry(kRdi)), 0x4242U); }

TEST_F(Frames, DoNotAskACallerThatCalledAnotherFunction) {
  facts_[1].calls = Address{0x3000};
  EXPECT_EQ(evaluate(Formulas::entry(kRdi)), std::nullopt) << "a tail call led here";
  facts_[1].calls.reset();
  EXPECT_EQ(evaluate(Formulas::entry(kRdi)), std::nullopt) << "nobody knows what led here";
}

TEST_F(Frames, ReadMemoryUnlessTheFunctionWroteThere) {
  memory_.put_object(kHeap, std::uint64_t{0xabc});
  const Formula word = formulas_.load(Formulas::number(kHeap.value));
  EXPECT_EQ(evaluate(word), 0xabcU);
  inner_.written[Formulas::number(kHeap.value + 4)] = 4;
  EXPECT_EQ(evaluate(word), std::nullopt);
}

TEST_F(Frames, ComputeSumsAndElements) {
  inner_.registers[kRbx] = formulas_.low(Formulas::entry(kRsi));
  facts_[0].callee_saved[0] = 3;
  const Formula index = formulas_.low(Formulas::entry(kRsi));
  EXPECT_EQ(evaluate(formulas_.sum(formulas_.product(index, 40), Formulas::number(0x8000))),
            0x8078U);
}

// Each word is kept in all the others' places: looking for one leads to all, again and again.
TEST_F(Frames, EndWhereMemoryLeadsInCircles) {
  std::vector<Formula> words;
  for (unsigned i = 0; i < 40; ++i) words.push_back(formulas_.result({0x6000 + i}));
  for (const Formula address : words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      inner_.memory[address + 8 * i] = {words[i], 8};
    }
  }
  EXPECT_EQ(evaluate(words[0]), std::nullopt);
}

}  // namespace
}  // namespace pstuck
