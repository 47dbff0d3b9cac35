// What may still happen in a function from an instruction on.

#include "tests/support/hand_made_function.h"

namespace pstuck {
namespace {

using namespace testing;

class Ahead : public Function {
 protected:
  void call_with(Address function, MachineRegister object) {
    move(reg(kRdi), reg(object));
    call(function);
  }

  /// Whether the unit that was taken first is surely given back from here on.
  bool surely_gives_back(Address from) {
    LockFlow flow = this->flow();
    const auto state = flow.before(from);
    return state && !state->taken.empty() && flow.surely_gives_back(from, state->taken.front());
  }

  bool may_post_rdi(Address from) {
    return flow().may_give_back(from, {Formulas::entry(kRdi), true, false, LockFamily::kSemaphore});
  }

  /// "rdi+8" for each object at which a call ahead arrives, joined by blanks.
  std::string arrivals_after(Address from) {
    std::string text;
    for (const CallAhead& call : flow().calls_ahead(from)) {
      for (const auto& [object, act] : call.deeds.acts) {
        if (!text.empty()) text += ' ';
        text += describe(object);
      }
    }
    return text;
  }
};

TEST_F(Ahead, GivesBackWhatItTook) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  call_with(kPostUnit, kRbx);
  const Address after = call(kWork);
  ret();
  EXPECT_TRUE(surely_gives_back(work));
  EXPECT_FALSE(surely_gives_back(after));
}

TEST_F(Ahead, GivesBackWithItsLastJump) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  move(reg(kRdi), reg(kRbx));
  jump();
  code_.instructions.back().target = kPostUnit;
  EXPECT_TRUE(surely_gives_back(work));
}

TEST_F(Ahead, GivesBackAUnitByAddingIt) {
  effects_[kWaitUnit.value].takes[0].family = LockFamily::kCounter;
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  add(Operation::kFetchAdd, at(kRbp), reg(kRax));  // another counter
  const Address work = call(kWork);
  add(Operation::kFetchAdd, at(kRbx), reg(kRax));
  const Address after = call(kWork);
  ret();
  EXPECT_TRUE(surely_gives_back(work));
  EXPECT_EQ(taken_at(work), "rdi");
  EXPECT_EQ(taken_at(after), "");
}

TEST_F(Ahead, DoesNotGiveBackASemaphoreOfLibcByAdding) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  add(Operation::kFetchAdd, at(kRbx), reg(kRax));
  ret();
  EXPECT_FALSE(surely_gives_back(work));
}

// A consumer of jobs.
TEST_F(Ahead, NeverGivesBackAJob) {
  call(kWaitUnit);
  const Address work = call(kWork);
  ret();
  EXPECT_FALSE(surely_gives_back(work));
}

TEST_F(Ahead, IsNotSureToGiveBackOnOneOfTwoWays) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  const std::size_t skip = jump(Operation::kJumpIf);
  call_with(kPostUnit, kRbx);
  land(skip);
  ret();
  EXPECT_FALSE(surely_gives_back(work));
}

TEST_F(Ahead, IsNotSureBehindATableOfJumps) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  const std::size_t skip = jump(Operation::kJumpIf);
  jump();  // nobody knows where to
  land(skip);
  call_with(kPostUnit, kRbx);
  ret();
  EXPECT_FALSE(surely_gives_back(work));
}

TEST_F(Ahead, DoesNotGiveBackAnotherOne) {
  move(reg(kRbx), reg(kRsi));
  call(kWaitUnit);
  const Address work = call(kWork);
  call_with(kPostUnit, kRbx);
  ret();
  EXPECT_FALSE(surely_gives_back(work));
}

TEST_F(Ahead, DoesNotTakeAMutexForASemaphore) {
  move(reg(kRbx), reg(kRdi));
  call(kLock);
  call_with(kPostUnit, kRbx);
  const Address work = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi") << "nothing that is done to a semaphore makes it doubtful";
}

TEST_F(Ahead, MayPostWhatItNeverTook) {
  move(reg(kRbx), reg(kRdi));
  const Address work = call(kWork);
  call_with(kPostUnit, kRbx);
  ret();
  EXPECT_TRUE(may_post_rdi(work));
}

TEST_F(Ahead, PostsOnlyWhatItWaitedForBefore) {
  move(reg(kRbx), reg(kRdi));
  const Address work = call(kWork);
  call_with(kWaitUnit, kRbx);
  call_with(kPostUnit, kRbx);
  ret();
  EXPECT_FALSE(may_post_rdi(work));
}

TEST_F(Ahead, KnowsWhoArrivesLater) {
  move(reg(kRbx), reg(kRdi));
  const Address work = call(kWork);
  lea(kRdi, at(kRbx, 8));
  call(kArrive);
  const Address after = call(kWork);
  ret();
  EXPECT_EQ(arrivals_after(work), "rdi+8");
  EXPECT_EQ(arrivals_after(after), "");
}

TEST_F(Ahead, KnowsWhatIsDoneOnlyWithCertainArguments) {
  effects_[kArrive.value].acts_when = {{Formulas::entry(kRsi), 202}};
  const Address work = call(kWork);
  move(reg(kRdi), reg(kRbx));
  move(reg(kRsi), number(203));
  call(kArrive);
  const Address other = call(kWork);
  lea(kRdi, at(kRbx, 8));
  move(reg(kRsi), number(202));
  call(kArrive);
  const Address unknown = call(kWork);
  call(kArrive);
  ret();
  EXPECT_EQ(arrivals_after(work), "entry+8");
  EXPECT_EQ(arrivals_after(other), "entry+8");
  EXPECT_EQ(arrivals_after(unknown), "");
}

// In the next round the call returns another barrier.
TEST_F(Ahead, DoesNotKnowWhatIsComputedAnew) {
  const Address again = here();
  call(kWork);
  move(reg(kRbx), reg(kRax));
  const Address work = call(kWork);
  call_with(kArrive, kRbx);
  jump();
  code_.instructions.back().target = again;
  EXPECT_EQ(arrivals_after(work), "unknown");
}

TEST_F(Ahead, KeepsTheObjectOfALoop) {
  move(reg(kRbx), reg(kRdi));
  const Address work = call(kWork);
  call_with(kArrive, kRbx);
  jump();
  code_.instructions.back().target = work;
  EXPECT_EQ(arrivals_after(work), "rdi");
}

TEST_F(Ahead, SumsUpWhereItArrives) {
  lea(kRdi, at(kRdi, 16));
  call(kArrive);
  ret();
  const CallEffect effect = flow().summarise();
  ASSERT_EQ(effect.acts.size(), 1U);
  EXPECT_EQ(describe(effect.acts[0].first), "rdi+16");
}

TEST_F(Ahead, SeesNothingWithoutABudget) {
  move(reg(kRbx), reg(kRdi));
  call(kWaitUnit);
  const Address work = call(kWork);
  call_with(kPostUnit, kRbx);
  ret();
  LockFlow flow = this->flow();
  const auto state = flow.before(work);
  ASSERT_TRUE(state);
  budget_ = 0;
  EXPECT_FALSE(flow.surely_gives_back(work, state->taken.front()));
  EXPECT_TRUE(flow.calls_ahead(work).empty());
}

// A static variable's guard is taken when the call says so.
TEST_F(Ahead, TakesAGuardForTrue) {
  call(kAcquireGuard);
  test_result();
  const std::size_t done = jump(Operation::kJumpIfZero);
  const Address initialise = call(kWork);
  ret();
  land(done);
  const Address other = call(kWork);
  ret();
  EXPECT_EQ(taken_at(initialise), "rdi");
  EXPECT_EQ(taken_at(other), "");
}

// As gcc asks at -O0: whether what was asked is true.
TEST_F(Ahead, FollowsTheOutcomeIntoABool) {
  call(kAcquireGuard);
  test_result();
  add(Operation::kSetIfNotZero, reg(kRax));
  test_result();
  const std::size_t done = jump(Operation::kJumpIfZero);
  const Address initialise = call(kWork);
  ret();
  land(done);
  ret();
  EXPECT_EQ(taken_at(initialise), "rdi");
}

TEST_F(Ahead, TurnsTheOutcomeRound) {
  call(kTryLock);
  test_result();
  add(Operation::kSetIfZero, reg(kRax));
  test_result();
  const std::size_t failed = jump(Operation::kJumpIfZero);
  const Address work = call(kWork);
  ret();
  land(failed);
  const Address other = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi");
  EXPECT_EQ(taken_at(other), "");
}

TEST_F(Ahead, KnowsAReader) {
  call(kReadLock);
  const Address work = call(kWork);
  ret();
  const auto state = flow().before(work);
  ASSERT_EQ(state->taken.size(), 1U);
  EXPECT_TRUE(state->taken[0].shared);
}

}  // namespace
}  // namespace pstuck
