#include "cli/words.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(DurationWords, FitTheSize) {
  EXPECT_EQ(duration_words(nanoseconds(0)), "0 ms");
  EXPECT_EQ(duration_words(microseconds(99)), "99 µs");
  EXPECT_EQ(duration_words(microseconds(310)), "0.3 ms");
  EXPECT_EQ(duration_words(milliseconds(2)), "2 ms");
  EXPECT_EQ(duration_words(microseconds(2500)), "2.5 ms");
  EXPECT_EQ(duration_words(milliseconds(25)), "25 ms");
  EXPECT_EQ(duration_words(milliseconds(4200)), "4.2 s");
  EXPECT_EQ(duration_words(seconds(5)), "5 s");
  EXPECT_EQ(duration_words(seconds(59)), "59 s");
  EXPECT_EQ(duration_words(seconds(192)), "3m 12s");
  EXPECT_EQ(duration_words(seconds(7500)), "2h 05m");
  EXPECT_EQ(duration_words(hours(76)), "3d 4h");
}

TEST(DurationWords, RoundDownAtEveryBorder) {
  EXPECT_EQ(duration_words(microseconds(9999)), "9.9 ms");
  EXPECT_EQ(duration_words(microseconds(999999)), "999 ms");
  EXPECT_EQ(duration_words(milliseconds(9999)), "9.9 s");
  EXPECT_EQ(duration_words(milliseconds(59999)), "59 s");
  EXPECT_EQ(duration_words(seconds(3599)), "59m 59s");
}

TEST(SizeWords, FitTheSize) {
  EXPECT_EQ(size_words(0), "0 bytes");
  EXPECT_EQ(size_words(1), "1 byte");
  EXPECT_EQ(size_words(1023), "1023 bytes");
  EXPECT_EQ(size_words(1024), "1 KiB");
  EXPECT_EQ(size_words(1536), "1.5 KiB");
  EXPECT_EQ(size_words(65536), "64 KiB");
  EXPECT_EQ(size_words(1048575), "1023 KiB");
  EXPECT_EQ(size_words(260U << 20), "260 MiB");
  EXPECT_EQ(size_words(UINT64_MAX), "15 EiB");
}

TEST(DurationWords, AreTotal) {
  EXPECT_EQ(duration_words(nanoseconds(-5)), "0 ms");
  EXPECT_EQ(duration_words(nanoseconds::min()), "0 ms");
  EXPECT_EQ(duration_words(nanoseconds::max()), "106751d 23h");
}

TEST(DateWords, AreUniversalTime) {
  EXPECT_EQ(date_words(seconds(1763937005)), "2025-11-23 22:30:05 UTC");
}

TEST(CountWords, KnowOneFromMany) {
  EXPECT_EQ(count_words(0, "thread", "threads"), "0 threads");
  EXPECT_EQ(count_words(1, "thread", "threads"), "1 thread");
  EXPECT_EQ(count_words(2, "thread", "threads"), "2 threads");
}

TEST(ListWords, ReadAsASentence) {
  EXPECT_EQ(list_words({}), "");
  EXPECT_EQ(list_words({"a"}), "a");
  EXPECT_EQ(list_words({"a", "b"}), "a and b");
  EXPECT_EQ(list_words({"a", "b", "c"}), "a, b and c");
}

TEST(IdWords, ShowFiveAndCountTheRest) {
  EXPECT_EQ(id_words({}), "");
  EXPECT_EQ(id_words({Tid{1}, Tid{2}, Tid{3}, Tid{4}, Tid{5}}), "1 2 3 4 5");
  EXPECT_EQ(id_words({Tid{1}, Tid{2}, Tid{3}, Tid{4}, Tid{5}, Tid{6}}), "1 2 3 4 5 +1");
}

Resource mutex_of(const MutexTraits& traits, const std::string& type = {}) {
  return {.kind = ResourceKind::kMutex, .type = type, .mutex = traits};
}

TEST(LockWords, NameWhatIsNotPlain) {
  EXPECT_EQ(lock_words(mutex_of({})), "mutex");
  EXPECT_EQ(lock_words(mutex_of({MutexType::kRecursive, MutexProtocol::kNone, false, false})),
            "recursive mutex");
  EXPECT_EQ(lock_words(mutex_of({MutexType::kErrorCheck, MutexProtocol::kProtect, false, true})),
            "process-shared priority-protection error-checking mutex");
  EXPECT_EQ(lock_words(mutex_of({MutexType::kAdaptive, MutexProtocol::kInherit, true, false})),
            "robust priority-inheritance adaptive mutex");
  EXPECT_EQ(lock_words({.kind = ResourceKind::kRwlock}), "rwlock");
  EXPECT_EQ(lock_words({.kind = ResourceKind::kStdio}), "FILE lock");
}

TEST(LockWords, PreferTheTypeInTheSource) {
  const MutexTraits recursive{.type = MutexType::kRecursive};
  EXPECT_EQ(lock_words(mutex_of({}, "std::mutex")), "std::mutex");
  EXPECT_EQ(lock_words(mutex_of(recursive, "std::recursive_mutex")), "std::recursive_mutex");
  EXPECT_EQ(lock_words(mutex_of(recursive, "pthread_mutex_t")), "pthread_mutex_t recursive");
  EXPECT_EQ(lock_words({.kind = ResourceKind::kRwlock, .type = "std::shared_mutex"}),
            "std::shared_mutex");
  EXPECT_EQ(lock_words(mutex_of({}, "M\x1b[0m")), "M\\x1b[0m");
}

TEST(WithArticle, GoesBySound) {
  EXPECT_EQ(with_article("mutex"), "a mutex");
  EXPECT_EQ(with_article("adaptive mutex"), "an adaptive mutex");
  EXPECT_EQ(with_article("rwlock"), "an rwlock");
}

TEST(ActivityWords, AgreeWithTheCount) {
  EXPECT_EQ(activity_words(Activity::kIdle, 232, 1), "waits for work in epoll_wait");
  EXPECT_EQ(activity_words(Activity::kIdle, 232, 6), "wait for work in epoll_wait");
  EXPECT_EQ(activity_words(Activity::kRuns, -1, 1), "runs");
  EXPECT_EQ(activity_words(Activity::kBlocked, -1, 2), "are blocked in the kernel");
  EXPECT_EQ(activity_words(Activity::kBlocked, 99999, 1), "is blocked in system call 99999");
}

TEST(SignalWords, NameTheKnownOnes) {
  EXPECT_EQ(signal_words(6), "SIGABRT");
  EXPECT_EQ(signal_words(12345), "signal 12345");
}

}  // namespace
}  // namespace pstuck
