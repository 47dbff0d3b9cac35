// Signatures: the same for the same hang, another one for another.

#include "cli/hang_signature.h"

#include <gtest/gtest.h>

#include "tests/golden/reports.h"

namespace pstuck {
namespace {

std::string words_of(Report report) {
  Reports reports;
  reports.targets.push_back(std::move(report));
  const auto signature = find_hang_signature(reports);
  return signature ? signature->kind + ": " + signature->words : "";
}

TEST(HangSignature, NamesTheFunctionsAndLocksOfTheCycle) {
  EXPECT_EQ(words_of(golden::two_lock_deadlock()),
            "deadlock: Cache::get wants g_cache.mu_ · Router::reload wants g_router.mu_");
}

TEST(HangSignature, DoesNotKnowWhereTheRingWasEntered) {
  Report turned = golden::two_lock_deadlock();
  auto& waits = turned.diagnosis.cycles.front().waits;
  std::rotate(waits.begin(), waits.begin() + 1, waits.end());
  EXPECT_EQ(words_of(turned), words_of(golden::two_lock_deadlock()));
}

TEST(HangSignature, IsTheSameOfACoreAndOfASnapshot) {
  EXPECT_EQ(words_of(golden::core_deadlock()), words_of(golden::two_lock_deadlock()));
  EXPECT_EQ(words_of(golden::saved_deadlock()), words_of(golden::two_lock_deadlock()));
}

TEST(HangSignature, LeavesOutWhichOfManyItWas) {
  Report report = golden::two_lock_deadlock();
  for (Resource& resource : report.diagnosis.resources) {
    if (resource.name == "g_cache.mu_") resource.name = "g_caches[17].mu_";
    if (resource.name == "g_router.mu_") resource.name = "g_router+0x28";
  }
  EXPECT_EQ(words_of(report),
            "deadlock: Cache::get wants g_caches[].mu_ · Router::reload wants g_router");
}

TEST(HangSignature, IsNoneWhereNobodyIsHeldUp) { EXPECT_EQ(words_of(golden::healthy()), ""); }

TEST(HangSignature, HasAnIdThatStaysForEver) {
  Reports reports;
  reports.targets.push_back(golden::two_lock_deadlock());
  EXPECT_EQ(find_hang_signature(reports)->id, "b123e87bf7c5dbde");
}

}  // namespace
}  // namespace pstuck
