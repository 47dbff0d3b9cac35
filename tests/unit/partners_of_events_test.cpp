// Who has a semaphore's units, initialises, is to arrive or may notify.

#include "tests/support/partners.h"

namespace pstuck {
namespace {

using Kind = ObjectUse::Kind;

class PartnersOfEvent : public testing::Partners {};

TEST_F(PartnersOfEvent, FindsWhoHasASemaphoresUnits) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  for (const ThreadIndex thread : {1U, 2U}) {
    use(Kind::kTook, thread, 0);
    returning_it();
  }
  EXPECT_EQ(partners(), "1#0 2#0 all");
  EXPECT_EQ(resource().needs, Needs::kAny);
}

TEST_F(PartnersOfEvent, DoesNotTakeAConsumerForAHolder) {
  thread({"next_job"});
  thread({"consume"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  EXPECT_EQ(partners(), "");
}

TEST_F(PartnersOfEvent, IsNotSureOfUnitsWhileSomebodyElseMayPost) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({"produce"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  returning_it();
  use(Kind::kWillGive, 2, 0);
  EXPECT_EQ(partners(), "1#0");
  program_.uses.back().kind = Kind::kNotifies;  // a std::counting_semaphore's, inlined
  EXPECT_EQ(partners(), "1#0");
  program_.uses.pop_back();
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(PartnersOfEvent, IsSureOfUnitsWhenOnlyWhoWaitsWillPost) {
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kWillGive, 0, 0);
  use(Kind::kTook, 1, 0);
  returning_it();
  use(Kind::kWillGive, 1, 0);
  EXPECT_EQ(partners(), "1#0 all");
}

TEST_F(PartnersOfEvent, IsNotSureOfUnitsThatAreFree) {
  thread({"with_slot"});
  thread({"with_slot"});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 1;
  use(Kind::kTook, 1, 0);
  returning_it();
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(PartnersOfEvent, IsNotSureOfUnitsWhenAStackIsMissing) {
  thread({"with_slot"});
  thread({"with_slot"});
  thread({});
  waits_for(ResourceKind::kSemaphore);
  resource().value = 0;
  use(Kind::kTook, 1, 0);
  returning_it();
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(PartnersOfEvent, FindsWhoInitialisesAStaticVariable) {
  thread({"libc.so:syscall", "registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard, 0, 1);
  use(Kind::kTook, 1, 1);
  EXPECT_EQ(partners(), "1#1 all");
  EXPECT_EQ(resource().partners.front().part, Part::kInitialises);
}

TEST_F(PartnersOfEvent, FindsThatAnInitialiserWaitsForItself) {
  thread({"libc.so:syscall", "registry", "load", "registry"});
  waits_for(ResourceKind::kStaticGuard, 0, 1);
  use(Kind::kTook, 0, 3);
  EXPECT_EQ(partners(), "0#3 all");
}

TEST_F(PartnersOfEvent, IsNotSureOfTwoInitialisers) {
  thread({"registry"});
  thread({"load", "registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard);
  use(Kind::kTook, 1, 1);
  use(Kind::kTook, 2, 1);
  EXPECT_EQ(partners(), "1#1 2#1");
}

TEST_F(PartnersOfEvent, IsNotSureOfAnInitialiserWhoseCodeIsNot) {
  thread({"registry"});
  thread({"load", "registry"});
  waits_for(ResourceKind::kStaticGuard);
  use(Kind::kTook, 1, 1);
  not_sure();
  EXPECT_EQ(partners(), "1#1");
}

TEST_F(PartnersOfEvent, FindsWhoRunsWhatAOnceFlagGuards) {
  thread({"libc.so:pthread_once", "setup", "serve"});
  thread({"init_tables", "libc.so:pthread_once", "setup", "main"});
  waits_for(ResourceKind::kOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 1);
  use(Kind::kRunsOnce, 1, 2);
  EXPECT_EQ(partners(), "1#2 all");
}

TEST_F(PartnersOfEvent, FindsThatAOnceFlagsFunctionCallsItself) {
  thread({"libc.so:pthread_once", "setup", "init_tables", "libc.so:pthread_once", "setup"});
  waits_for(ResourceKind::kOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 1);
  use(Kind::kRunsOnce, 0, 4);
  EXPECT_EQ(partners(), "0#4 all");
}

TEST_F(PartnersOfEvent, FindsWhoIsOnHisWayToABarrier) {
  thread({"phase"});
  thread({"phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kBarrier, 0);
  waits_for(ResourceKind::kBarrier, 1);
  resource().parties = {.arrived = 2, .expected = 3, .missing = 1};
  use(Kind::kArrives, 1, 0);  // in its next round
  use(Kind::kArrives, 2, 1);
  EXPECT_EQ(partners(), "2#1 all");
}

TEST_F(PartnersOfEvent, IsNotSureWhenMoreAreMissingOrFewer) {
  thread({"phase"});
  thread({"compute", "phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kLatch);
  use(Kind::kArrives, 1, 1);
  use(Kind::kArrives, 2, 1);
  resource().parties = {.arrived = {}, .expected = {}, .missing = 3};
  EXPECT_EQ(partners(), "1#1 2#1");
  resource().parties->missing = 1;
  EXPECT_EQ(partners(), "1#1 2#1");
}

// Its functions are inlined: that they wake those who wait is all that code shows of them.
TEST_F(PartnersOfEvent, TakesALatchsNotifierForOneThatArrives) {
  thread({"phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kLatch);
  resource().parties = {.arrived = {}, .expected = {}, .missing = 1};
  use(Kind::kNotifies, 1, 1);
  EXPECT_EQ(partners(), "1#1 all");
}

TEST_F(PartnersOfEvent, DoesNotTakeABarriersNotifierForOneThatArrives) {
  thread({"phase"});
  thread({"compute", "phase"});
  waits_for(ResourceKind::kBarrier);
  resource().parties = {.arrived = 1, .expected = 2, .missing = 1};
  use(Kind::kNotifies, 1, 1);
  EXPECT_EQ(partners(), "");
}

TEST_F(PartnersOfEvent, OnlyTellsWhoHasAPointerToABarrier) {
  thread({"phase"});
  thread({"compute"});
  waits_for(ResourceKind::kLatch);
  resource().parties = {.arrived = {}, .expected = {}, .missing = 1};
  pointer(0, 0);
  pointer(1, 0);
  EXPECT_EQ(partners(), "1#0");
}

TEST_F(PartnersOfEvent, TellsWhoMayNotifyAndConcludesNothing) {
  thread({"take_job"});
  thread({"produce"});
  thread({"serve"});
  waits_for(ResourceKind::kCondition);
  pointer(0, 0);
  use(Kind::kNotifies, 1, 0);
  pointer(2, 0);
  EXPECT_EQ(partners(), "1#0 2#0");
  EXPECT_EQ(resource().partners.front().part, Part::kMayNotify);
  EXPECT_EQ(resource().needs, Needs::kAny);
}

}  // namespace
}  // namespace pstuck
