#include "analyzers/lock_names.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

// Each lock has one name, the one that tells most.

namespace pstuck {
namespace {

using Relation = VariableHit::Relation;

constexpr Address kLock{0x7000};

class LockNames : public ::testing::Test {
 protected:
  LockNames() {
    stacks_.locations = {{.function = "zeta(std::mutex&, int)"},
                         {.function = "std::string Cache::get<int>(int) const"}};
    stacks_.stacks = {{.frames = {{.location = 0}, {.location = 1}}}};
    resources_ = {{.address = kLock}};
  }

  VariableHit& hit(Relation relation, std::string path, std::string class_member = {},
                   Address lock = kLock) {
    return hits_.emplace_back(VariableHit{.lock = lock,
                                          .relation = relation,
                                          .path = std::move(path),
                                          .lock_type = "std::mutex",
                                          .class_member = std::move(class_member)});
  }

  const Resource& name() {
    name_locks(stacks_, program_, hits_, resources_);
    return resources_[0];
  }

  Stacks stacks_;
  testing::FakeProgram program_;
  std::vector<VariableHit> hits_;
  std::vector<Resource> resources_;
};

TEST_F(LockNames, NothingKnown) {
  EXPECT_EQ(name().name, "");
  EXPECT_EQ(name().named_by, NamedBy::kNothing);
}

TEST_F(LockNames, AVariableDownToTheMemberIsTrustedMost) {
  program_.symbols = {
      {kLock, {.name = "g_cache", .member = ".mu_", .type = "std::mutex", .size = 40}}};
  hit(Relation::kLeadsTo, "this->mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "g_cache.mu_");
  EXPECT_EQ(name().named_by, NamedBy::kVariable);
  EXPECT_EQ(name().type, "std::mutex");
}

TEST_F(LockNames, AFramesClassIsTrustedMoreThanASymbol) {
  program_.symbols = {{kLock - 0x28, {.name = "g_cache", .size = 80}}};
  program_.classes = {{kLock, {.name = "Cache", .object = {0x6fd8}}}};
  EXPECT_EQ(name().name, "g_cache+0x28");
  EXPECT_EQ(name().named_by, NamedBy::kSymbol);
  resources_ = {{.address = kLock}};
  hit(Relation::kLeadsTo, "this->mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "Cache::mu_");
  EXPECT_EQ(name().named_by, NamedBy::kFrameObject);
}

TEST_F(LockNames, APathThatTellsMoreThanTheClass) {
  hit(Relation::kGuards, "lock", "Cache::mu_");
  hit(Relation::kLeadsTo, "this->mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "cache->mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "this->server_->cache_.mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "Cache::mu_");
  resources_ = {{.address = kLock}};
  hit(Relation::kLeadsTo, "exchange->servers_[3].cache_.mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "server->cache_.mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "backend->cache_.mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "server->cache_.mu_");
}

TEST_F(LockNames, PathsThroughTheLibrarysOwnNamesAreNone) {
  hit(Relation::kLeadsTo, "it._M_node->cache.mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "__range1->cache_.mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "Cache::mu_");
}

TEST_F(LockNames, TheClassThatMostFramesShow) {
  hit(Relation::kLeadsTo, "stale->stats_.mu_", "Stats::mu_");
  hit(Relation::kLeadsTo, "this->mu_", "Cache::mu_");
  hit(Relation::kLeadsTo, "cache->mu_", "Cache::mu_");
  EXPECT_EQ(name().name, "Cache::mu_");
}

TEST_F(LockNames, OnTheStack) {
  hit(Relation::kLeadsTo, "lock");
  hit(Relation::kContains, "lk");
  EXPECT_EQ(name().name, "lk in zeta()");
  EXPECT_EQ(name().type, "std::mutex");
  resources_ = {{.address = kLock}};
  hits_.back().frame = 1;
  EXPECT_EQ(name().name, "lk in Cache::get<int>()");
  stacks_.locations[1].function = "main::{lambda(int)#1}::operator()(int) const";
  resources_ = {{.address = kLock}};
  EXPECT_EQ(name().name, "lk in main::{lambda(int)#1}::operator()(int) const");
  stacks_.locations[1].function = "(anonymous namespace)::zeta(int (*)(int))";
  resources_ = {{.address = kLock}};
  EXPECT_EQ(name().name, "lk in (anonymous namespace)::zeta()");
  stacks_.locations[1].function = "broken>(name";
  resources_ = {{.address = kLock}};
  EXPECT_EQ(name().name, "lk in broken>(name");
  hits_.back().thread = hits_.back().frame = 99;
  resources_ = {{.address = kLock}};
  EXPECT_EQ(name().name, "lk");
}

TEST_F(LockNames, TheClassOfItsObject) {
  program_.classes = {{kLock, {.name = "OrderBook", .object = kLock - 0x28}}};
  hit(Relation::kLeadsTo, "*lock");
  EXPECT_EQ(name().name, "OrderBook+0x28");
  EXPECT_EQ(name().named_by, NamedBy::kObjectClass);
  program_.classes[0].second.member = ".cache_.mu_";
  program_.classes[0].second.lock_type = "std::mutex";
  resources_ = {{.address = kLock}};
  EXPECT_EQ(name().name, "OrderBook::cache_.mu_");
  EXPECT_EQ(name().type, "std::mutex");
}

TEST_F(LockNames, ABareLockBehindAPointerComesLast) {
  hit(Relation::kLeadsTo, "*lock");
  EXPECT_EQ(name().name, "*lock in zeta()");
}

TEST_F(LockNames, TheLoadersLock) {
  program_.symbols = {
      {kLock, {.name = "_rtld_global", .size = 4096, .module = "ld-linux-x86-64.so.2"}}};
  EXPECT_EQ(name().name, "the loader's lock");
}

TEST_F(LockNames, ANameThatIsThereStays) {
  resources_[0].name = "stdout";
  program_.symbols = {{kLock, {.name = "_IO_stdfile_1_lock", .size = 16}}};
  EXPECT_EQ(name().name, "stdout");
}

TEST_F(LockNames, LocksOfOneNameAreNumberedByAddress) {
  const Address second{0x8000};
  const Address other{0x9000};
  resources_ = {{.kind = ResourceKind::kMutex, .address = second},
                {.kind = ResourceKind::kMutex, .address = other},
                {.kind = ResourceKind::kRwlock, .address = kLock},
                {.kind = ResourceKind::kThread, .address = {0xa000}, .name = "Account::mu_"}};
  hit(Relation::kLeadsTo, "this->mu_", "Account::mu_", second);
  hit(Relation::kLeadsTo, "this->mu_", "Bank::mu_", other);
  hit(Relation::kLeadsTo, "other->mu_", "Account::mu_", kLock);
  name();
  EXPECT_EQ(resources_[0].number, 2U);
  EXPECT_EQ(resources_[1].number, 0U);
  EXPECT_EQ(resources_[2].number, 1U);
  EXPECT_EQ(resources_[3].number, 0U);
}

}  // namespace
}  // namespace pstuck
