// Functions written down instruction by instruction, and the locks that they hold at one of them.

#include "symbolize/lock_flow.h"

#include "tests/support/hand_made_function.h"

namespace pstuck {
namespace {

using namespace testing;

TEST_F(Function, HoldsWhatItTook) {
  move(reg(kRbx), reg(kRdi));
  lea(kRdi, at(kRbx, 48));
  call(kLock);
  const Address work = call(kWork);
  lea(kRdi, at(kRbx, 48));
  call(kUnlock);
  const Address after = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi+48");
  EXPECT_EQ(taken_at(after), "");
}

TEST_F(Function, KnowsWhatItGaveBackOnEveryPath) {
  move(reg(kRbx), reg(kRdi));
  call(kLock);
  const std::size_t skip = jump(Operation::kJumpIf);
  move(reg(kRdi), reg(kRbx));
  call(kUnlock);
  const Address one_path = call(kWork);
  land(skip);
  const Address both_paths = call(kWork);
  ret();
  EXPECT_EQ(taken_at(one_path), "");
  EXPECT_TRUE(flow().before(one_path)->taken.at(0).given_back);
  EXPECT_EQ(taken_at(both_paths), "rdi?");
}

TEST_F(Function, HasNotTakenWhatItIsAboutToTake) {
  const Address lock = call(kLock);
  ret();
  EXPECT_EQ(taken_at(lock), "");
}

TEST_F(Function, MayHoldWhatOneOfTwoPathsTook) {
  move(reg(kRbx), reg(kRdi));
  const std::size_t skip = jump(Operation::kJumpIf);
  call(kLock);
  land(skip);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi?");
}

TEST_F(Function, KnowsTheOutcomeOfATrial) {
  call(kTryLock);
  test_result();
  const std::size_t failed = jump(Operation::kJumpIfNotZero);
  const Address work = call(kWork);
  ret();
  land(failed);
  const Address other = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi");
  EXPECT_EQ(taken_at(other), "");
}

// As libstdc++ asks at -O0 whether there are threads.
TEST_F(Function, DoesNotGoWhereANumberForbidsIt) {
  move(reg(kRbx), reg(kRdi));
  add(Operation::kMove, reg(kRax), number(1));
  test_result();
  add(Operation::kSetIfNotZero, reg(kRax));
  test_result();
  const std::size_t skip = jump(Operation::kJumpIfZero);
  call(kLock);
  land(skip);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi");
}

TEST_F(Function, FollowsAGuardThroughItsMemory) {
  add(Operation::kSubtract, reg(kRsp), number(16));
  lea(kRsi, at(kRdi, 8));
  lea(kRdi, at(kRsp, 0));
  call(kGuard);
  const Address work = call(kWork);
  lea(kRdi, at(kRsp, 0));
  call(kUnguard);
  const Address after = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi+8");
  EXPECT_EQ(taken_at(after), "");
}

TEST_F(Function, FollowsElementsOfArrays) {
  lea(kRdi, element(kRdi, kRsi, 8));
  call(kLock);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "(rdi + rsi*8)");
}

// What stood there at entry is not what stands there now.
TEST_F(Function, DoesNotMistakeANewWordForTheOldOne) {
  move(reg(kRbx), reg(kRdi));
  move(reg(kRdi), at(kRbx));
  call(kLock);
  move(at(kRbx), reg(kRsi));
  move(reg(kRdi), at(kRbx));
  call(kUnlock);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "[rdi]?") << "what was given back is another, or the same";
}

TEST_F(Function, IsNotSureAfterAJumpIntoAnotherFunction) {
  call(kLock);
  jump(Operation::kJumpIf);
  code_.instructions.back().target = Address{0x500};
  ret();
  const CallEffect effect = flow().summarise();
  ASSERT_EQ(effect.takes.size(), 1U);
  EXPECT_FALSE(effect.takes[0].certain);
}

TEST_F(Function, GivesUpWithoutABudget) {
  budget_ = 2;
  call(kLock);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "unreached");
  EXPECT_TRUE(flow().summarise().unread);
}

// rbx ──▶ [ ]──▶ [ ]──▶ …    the lock of the next node is taken before that of the last is given
// back
TEST_F(Function, FollowsAWalkAlongAList) {
  move(reg(kRbx), reg(kRdi));
  call(kLock);
  const Address again = here();
  move(reg(kRbp), at(kRbx, 40));
  move(reg(kRdi), reg(kRbp));
  call(kLock);
  move(reg(kRdi), reg(kRbx));
  call(kUnlock);
  move(reg(kRbx), reg(kRbp));
  const std::size_t loop = jump(Operation::kJumpIf);
  code_.instructions[loop].target = again;
  const Address work = call(kWork);
  ret();
  const auto state = flow().before(work);
  ASSERT_TRUE(state);
  const bool holds_current = std::ranges::any_of(state->taken, [&](const TakenLock& taken) {
    return taken.is_called(state->registers[kRbx]);
  });
  EXPECT_TRUE(holds_current);
}

// Two registers with the same word stay the same behind a jump, however often control comes there.
TEST_F(Function, KnowsACopyWhereOnlyOneWayLeads) {
  move(reg(kRbx), reg(kRdi));
  const Address again = here();
  move(reg(kRbp), at(kRbx, 40));
  move(reg(kRdi), reg(kRbp));
  const std::size_t leave = jump(Operation::kJumpIf);
  call(kLock);
  move(reg(kRdi), reg(kRbp));
  call(kUnlock);
  move(reg(kRbx), reg(kRbp));
  code_.instructions[jump()].target = again;
  land(leave);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "");
}

// What the call in the last round returned still has its name; what it did before has none.
TEST_F(Function, KeepsOneLockOfAllTheLoopsRounds) {
  const Address again = here();
  call(kWork);
  move(reg(kRdi), reg(kRax));
  call(kLock);
  const std::size_t loop = jump(Operation::kJumpIf);
  code_.instructions[loop].target = again;
  ret();
  EXPECT_EQ(taken_at(again), "result? unknown?");
}

TEST_F(Function, SumsUpWhatItDoes) {
  move(at(kRdi), reg(kRsi));
  move(reg(kRdi), at(kRdi));
  call(kLock);
  ret();
  const CallEffect effect = flow().summarise();
  EXPECT_FALSE(effect.stranger);
  ASSERT_EQ(effect.takes.size(), 1U);
  EXPECT_EQ(describe(effect.takes[0].lock), "rsi");
  EXPECT_TRUE(effect.takes[0].certain);
  ASSERT_EQ(effect.writes.size(), 1U);
  EXPECT_EQ(describe(effect.writes[0].second), "rsi");
}

TEST_F(Function, SumsUpAJumpToAnotherFunction) {
  lea(kRdi, at(kRdi, 8));
  jump();
  code_.instructions.back().target = kUnlock;
  const CallEffect effect = flow().summarise();
  ASSERT_EQ(effect.gives_back.size(), 1U);
  EXPECT_EQ(describe(effect.gives_back[0].lock), "rdi+8");
}

TEST_F(Function, DoesNotComeToPadding) {
  const std::size_t over = jump();
  add(Operation::kNothing);
  land(over);
  move(reg(kRbx), reg(kRdi));
  call(kLock);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at({kStart + 1}), "unreached");
  EXPECT_EQ(taken_at(work), "rdi");
}

TEST_F(Function, EntersAHandlerWithWhatAllCallsAgreeOn) {
  move(reg(kRbx), reg(kRdi));
  call(kWork);
  call(kWork);
  ret();
  lea(kRdi, at(kRbx, 8));  // a landing pad: nothing jumps here
  call(kLock);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi+8");
}

TEST_F(Function, TakesAnyJumps) {
  jump();
  code_.instructions.back().target = Address{kStart};
  EXPECT_EQ(taken_at({kStart}), "");
  EXPECT_TRUE(flow().summarise().stranger);
}

TEST_F(Function, TakesNoCodeAtAll) {
  EXPECT_TRUE(flow().summarise().unread);
  EXPECT_EQ(taken_at({kStart}), "unreached");
}

}  // namespace
}  // namespace pstuck
