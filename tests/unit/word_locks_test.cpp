// Locks that the code around them sets and clears, as that of Rust's standard library.

#include "tests/support/hand_made_function.h"

namespace pstuck {
namespace {

using namespace testing;

class WordLock : public Function {
 protected:
  /// As rustc inlines std::sync::Mutex::lock().
  void lock(MachineRegister word) {
    try_word(at(word));
    const std::size_t taken = jump(Operation::kJumpIfZero);
    move(reg(kRdi), reg(word));
    call(kContended);
    land(taken);
  }

  /// One way takes the lock at `first`, the other that at `second`. Where both go on.
  Address lock_on_two_ways(MachineRegister first, MachineRegister second) {
    move(reg(kRbx), reg(kRdi));
    const std::size_t other = jump(Operation::kJumpIf);
    move(reg(kRdi), reg(first));
    call(kLock);
    const std::size_t over = jump();
    land(other);
    move(reg(kRdi), reg(second));
    call(kLock);
    land(over);
    const Address work = call(kWork);
    ret();
    return work;
  }
};

TEST_F(WordLock, IsTakenAtOnceOrWithAWait) {
  move(reg(kRbx), reg(kRdi));
  try_word(at(kRbx));
  const std::size_t taken = jump(Operation::kJumpIfZero);
  move(reg(kRdi), reg(kRbx));
  const Address slow = call(kContended);
  land(taken);
  const Address work = call(kWork);
  clear_word(at(kRbx));
  const Address after = call(kWork);
  ret();
  EXPECT_EQ(taken_at(slow), "") << "it waits";
  EXPECT_EQ(taken_at(work), "rdi");
  EXPECT_EQ(taken_at(after), "");
}

TEST_F(WordLock, IsNotTakenWhereTheTrialFailed) {
  try_word(at(kRdi, 8));
  const std::size_t failed = jump(Operation::kJumpIfNotZero);
  const Address work = call(kWork);
  ret();
  land(failed);
  const Address other = call(kWork);
  ret();
  EXPECT_EQ(taken_at(work), "rdi+8");
  EXPECT_EQ(taken_at(other), "");
}

TEST_F(WordLock, IsWaitedForByItsOwnHolder) {
  move(reg(kRbx), reg(kRdi));
  lock(kRbx);
  try_word(at(kRbx));
  const std::size_t taken = jump(Operation::kJumpIfZero);
  move(reg(kRdi), reg(kRbx));
  const Address slow = call(kContended);
  land(taken);
  ret();
  EXPECT_EQ(taken_at(slow), "rdi");
}

TEST_F(WordLock, IsNotSureAfterAnotherWrite) {
  for (const Operation write : {Operation::kOther, Operation::kMove, Operation::kExchange}) {
    code_.instructions.clear();
    move(reg(kRbx), reg(kRdi));
    lock(kRbx);
    add(write, at(kRbx), reg(kRsi));
    const Address work = call(kWork);
    ret();
    EXPECT_EQ(taken_at(work), "rdi?");
  }
}

TEST_F(WordLock, IsOneOfTwo) {
  move(reg(kRbx), reg(kRdi));
  move(reg(kR12), reg(kRsi));
  lock(kRbx);
  lock(kR12);
  const Address both = call(kWork);
  clear_word(at(kR12));
  const Address one = call(kWork);
  ret();
  EXPECT_EQ(taken_at(both), "rdi rsi");
  EXPECT_EQ(taken_at(one), "rdi");
}

TEST_F(WordLock, IsNoWordThatIsSetToWhatItWas) {
  add(Operation::kClear, reg(kRcx));
  add(Operation::kClear, reg(kRax));
  add(Operation::kCompareExchange, at(kRdi), reg(kRcx));
  const Address zero = call(kWork);
  move(reg(kRax), reg(kRsi));
  move(reg(kRcx), number(1));
  add(Operation::kCompareExchange, at(kRdi), reg(kRcx));
  const Address counter = call(kWork);
  ret();
  EXPECT_EQ(taken_at(zero), "");
  EXPECT_EQ(taken_at(counter), "");
}

TEST_F(WordLock, ToldToCallersByTheirOwnWords) {
  clear_word(at(kRdi, 16));
  ret();
  const CallEffect effect = flow().summarise();
  ASSERT_EQ(effect.gives_back.size(), 1U);
  EXPECT_EQ(describe(effect.gives_back[0].lock), "rdi+16");
  EXPECT_EQ(effect.gives_back[0].family, LockFamily::kWord);
}

TEST_F(WordLock, IsSeenToBeGivenBackAhead) {
  move(reg(kRbx), reg(kRdi));
  lock(kRbx);
  const Address work = call(kWork);
  clear_word(at(kRbx));
  const Address after = call(kWork);
  ret();
  const auto given_back_after = [&](Address from) {
    std::string text;
    for (const CallAhead& ahead : flow().calls_ahead(from)) {
      for (const CallEffect::Lock& lock : ahead.deeds.gives_back) text += describe(lock.lock);
    }
    return text;
  };
  EXPECT_EQ(given_back_after(work), "rdi");
  EXPECT_EQ(given_back_after(after), "");
}

// pthread_mutex_lock(&m) on one way, pthread_mutex_lock(&m) on the other.
TEST_F(WordLock, IsTakenOnEachOfTwoWays) {
  const Address work = lock_on_two_ways(kRbx, kRbx);
  EXPECT_EQ(taken_at(work), "rdi");
}

TEST_F(WordLock, IsNotTheSameOnEachOfTwoWays) {
  const Address work = lock_on_two_ways(kRbx, kRsi);
  const std::string taken = taken_at(work);
  EXPECT_TRUE(taken == "rdi? rsi?" || taken == "rsi? rdi?") << taken;
}

}  // namespace
}  // namespace pstuck
