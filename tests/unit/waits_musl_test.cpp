#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

// What threads wait for in musl: its own layouts, futex values and names.

namespace pstuck {
namespace {

using testing::FakeFrames;
using testing::SnapshotBuilder;

constexpr Address kObject{0x610000};
constexpr Address kStack{0x7e0000001000};
constexpr Address kDescriptors{0x7d0000100000};
constexpr std::uint64_t kWait = 0;
constexpr std::uint64_t kWaitPrivate = 0x80;
constexpr std::uint64_t kLockPiPrivate = 0x86;

enum class Linked { kShared, kStatic };

class MuslTarget {
 public:
  explicit MuslTarget(Linked linked) : linked_(linked) {
    if (linked == Linked::kShared) {
      target.facts().modules[1].path = "/lib/ld-musl-x86_64.so.1";
    } else {
      target.facts().modules.resize(1);
    }
    for (const std::int32_t tid : {101, 102}) add_thread(tid);
    target.thread(102).runs();
    target.maps({0x600000}, 0x100000);
    target.maps(kStack, 0x1000);
  }

  /// Thread 101 sleeps in this function of musl; a static program was stripped.
  void sleep_in(const std::string& function, Address word, std::uint64_t operation,
                std::uint64_t value) {
    const bool is_static = linked_ == Linked::kStatic;
    function_ = function;
    target.thread(101)
        .in_futex(word, operation, value)
        .with_stack(
            is_static
                ? FakeFrames{"app:", "app:"}
                : FakeFrames{"ld-musl-x86_64.so.1:", "ld-musl-x86_64.so.1:" + function, "work"});
  }

  /// In a register of the innermost named frame.
  void keep(Address value) {
    const bool is_static = linked_ == Linked::kStatic;
    target.thread(101)
        .with_stack({is_static ? "app:" : "ld-musl-x86_64.so.1:" + function_})
        .keeping(value.value);
  }

  const Resource* waited_for() {
    const Diagnosis& diagnosis = target.diagnose();
    const Wait* wait = target.wait_of(101);
    return wait == nullptr ? nullptr : &diagnosis.resources.at(wait->resource);
  }

  void put(Address at, const std::vector<std::uint32_t>& words) {
    target.memory().put(at, std::as_bytes(std::span(words)));
  }

  void add_thread(std::int32_t tid) {
    const Address self = kDescriptors + static_cast<std::uint64_t>(tid) * 0x1000;
    target.memory().put_zeros({self, self + 0x400});
    target.memory().put_object(self, self);
    target.memory().put_object(self + 48, tid);
    target.memory().put_object(self + 56, std::int32_t{2});
    target.thread(tid).with_thread_pointer(self);
  }

  SnapshotBuilder target;

 private:
  Linked linked_;
  std::string function_;
};

class Musl : public ::testing::TestWithParam<Linked> {};

TEST_P(Musl, AMutexThatRecordsItsOwner) {
  for (const std::uint32_t type : {1U, 2U, 4U, 5U, 6U, 128U | 4U}) {
    MuslTarget musl(GetParam());
    const std::uint64_t operation = (type & 128U) != 0 ? kWait : kWaitPrivate;
    musl.sleep_in("pthread_mutex_timedlock", kObject + 4, operation, 0x80000000U | 102);
    musl.put(kObject, {type, 0x80000000U | 102, 1, 0, 0, 3, 0, 0, 0, 0});
    const Resource* mutex = musl.waited_for();
    ASSERT_NE(mutex, nullptr) << type;
    EXPECT_EQ(mutex->kind, ResourceKind::kMutex);
    EXPECT_EQ(mutex->address, kObject);
    EXPECT_EQ(mutex->holder.thread, 1U);
    EXPECT_EQ(mutex->holder.evidence, Evidence::kRecorded);
    EXPECT_EQ(mutex->mutex->robust, (type & 4U) != 0);
    EXPECT_EQ(mutex->recursion, (type & 3U) == 1 ? 4U : 0U);
  }
}

TEST_P(Musl, ANormalMutexRecordsNobody) {
  MuslTarget musl(GetParam());
  musl.sleep_in("pthread_mutex_timedlock", kObject + 4, kWaitPrivate, 0x80000010);
  musl.put(kObject, {0, 0x80000010, 1, 0, 0, 0, 0, 0, 0, 0});
  const Resource* mutex = musl.waited_for();
  ASSERT_NE(mutex, nullptr);
  EXPECT_EQ(mutex->kind, ResourceKind::kMutex);
  EXPECT_EQ(mutex->holder.fate, OwnerFate::kNotRecorded);
}

TEST_P(Musl, AnInheritingMutex) {
  MuslTarget musl(GetParam());
  musl.sleep_in("pthread_mutex_timedlock", kObject + 4, kLockPiPrivate, 0);
  musl.put(kObject, {8, 0x80000000U | 102, 0, 0, 0, 0, 0, 0, 0, 0});
  const Resource* mutex = musl.waited_for();
  ASSERT_NE(mutex, nullptr);
  EXPECT_EQ(mutex->mutex->protocol, MutexProtocol::kInherit);
  EXPECT_EQ(mutex->holder.thread, 1U);
}

TEST_P(Musl, AMutexWhoseFieldsDisagreeIsNone) {
  const std::vector<std::vector<std::uint32_t>> all = {
      {16, 0x80000000U | 102, 1, 0, 0, 0},    // no such type
      {3, 0x80000000U | 102, 1, 0, 0, 0},     // nor this
      {1, 0x80000000U | 102, 5000, 0, 0, 0},  // more waiters than threads
      {129, 0x80000000U | 102, 1, 0, 0, 0},   // shared, but the futex is private
      {0, 0x80000000U | 102, 1, 0, 0, 0},     // a normal one has no tid
  };
  for (const auto& words : all) {
    MuslTarget musl(GetParam());
    musl.sleep_in("pthread_mutex_timedlock", kObject + 4, kWaitPrivate, 0x80000000U | 102);
    musl.put(kObject, words);
    EXPECT_EQ(musl.waited_for(), nullptr) << words[0] << " " << words[2];
  }
}

TEST_P(Musl, ARwlockThatAWriterHas) {
  MuslTarget musl(GetParam());
  musl.sleep_in("pthread_rwlock_timedrdlock", kObject, kWaitPrivate, 0xffffffff);
  musl.put(kObject, {0xffffffff, 1, 0});
  const Resource* rwlock = musl.waited_for();
  ASSERT_NE(rwlock, nullptr);
  EXPECT_EQ(rwlock->kind, ResourceKind::kRwlock);
  EXPECT_TRUE(rwlock->rwlock->write_locked);
  EXPECT_EQ(rwlock->holder.fate, OwnerFate::kNotRecorded);
  const bool named = GetParam() == Linked::kShared;
  EXPECT_EQ(musl.target.wait_of(101)->kind, named ? WaitKind::kReadLock : WaitKind::kLock);
}

TEST(MuslNamed, ARwlockThatReadersHaveNeedsAName) {
  for (const Linked linked : {Linked::kShared, Linked::kStatic}) {
    MuslTarget musl(linked);
    musl.sleep_in("pthread_rwlock_timedwrlock", kObject, kWaitPrivate, 0x80000002);
    musl.put(kObject, {0x80000002, 1, 0});
    const Resource* rwlock = musl.waited_for();
    ASSERT_EQ(rwlock != nullptr, linked == Linked::kShared);
    if (rwlock == nullptr) continue;
    EXPECT_EQ(rwlock->rwlock->readers, 2U);
    EXPECT_EQ(musl.target.wait_of(101)->kind, WaitKind::kWriteLock);
  }
}

TEST_P(Musl, ASemaphore) {
  for (const std::uint32_t value : {0xffffffffU, 0x80000000U}) {
    MuslTarget musl(GetParam());
    musl.sleep_in("sem_timedwait", kObject, kWaitPrivate, value);
    musl.put(kObject, {value, 1, 128});
    const Resource* semaphore = musl.waited_for();
    ASSERT_NE(semaphore, nullptr);
    EXPECT_EQ(semaphore->kind, ResourceKind::kSemaphore);
    EXPECT_EQ(semaphore->value, 0U);
  }
}

TEST_P(Musl, AJoinedThread) {
  MuslTarget musl(GetParam());
  const Address joined = kDescriptors + 102 * 0x1000;
  musl.sleep_in("pthread_join", joined + 56, kWaitPrivate, 2);
  const Resource* thread = musl.waited_for();
  ASSERT_NE(thread, nullptr);
  EXPECT_EQ(thread->kind, ResourceKind::kThread);
  EXPECT_EQ(thread->address, joined);
  EXPECT_EQ(thread->holder.thread, 1U);
}

TEST_P(Musl, AFileRecordsItsOwner) {
  MuslTarget musl(GetParam());
  musl.sleep_in("fputs", kObject + 140, kWaitPrivate, 0x40000000U | 102);
  musl.target.maps({0x7c0000000000}, 0x1000).executable = true;
  musl.target.memory().put_object(kObject + 80, std::uint64_t{0x7c0000000100});
  musl.put(kObject + 140, {0x40000000U | 102});
  const Resource* file = musl.waited_for();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->kind, ResourceKind::kStdio);
  EXPECT_EQ(file->holder.thread, 1U);
}

TEST_P(Musl, AConditionVariableByItsListOfWaiters) {
  const auto found_with = [](Linked linked, Address tail) {
    MuslTarget musl(linked);
    const Address node = kStack + 0x100;
    musl.sleep_in("pthread_cond_timedwait", node + 20, kWaitPrivate, 2);
    musl.keep(kObject);
    musl.put(node, {0, 0, 0, 0, 0, 2});
    const auto low = static_cast<std::uint32_t>(node.value);
    const auto high = static_cast<std::uint32_t>(node.value >> 32);
    musl.put(kObject, {0, 0, low, high, 0, 0, 0, 0, 0, 0, static_cast<std::uint32_t>(tail.value),
                       static_cast<std::uint32_t>(tail.value >> 32)});
    const Resource* condition = musl.waited_for();
    return condition != nullptr && condition->kind == ResourceKind::kCondition &&
           condition->address == kObject;
  };
  EXPECT_TRUE(found_with(GetParam(), kStack + 0x100));
  EXPECT_FALSE(found_with(GetParam(), kStack + 0x200)) << "not the whole list";
}

/// The mutex that goes with a condition variable, where the caller passes these two.
std::optional<ConditionMutex> mutex_of_condition(Linked linked, std::uint64_t condition,
                                                 std::uint64_t mutex) {
  MuslTarget musl(linked);
  const Address node = kStack + 0x100;
  musl.put(node, {0, 0, 0, 0, 0, 2});
  const auto low = static_cast<std::uint32_t>(node.value);
  const auto high = static_cast<std::uint32_t>(node.value >> 32);
  musl.put(kObject, {0, 0, low, high, 0, 0, 0, 0, 0, 0, low, high});
  const std::string libc = linked == Linked::kStatic ? "app:" : "ld-musl-x86_64.so.1:";
  musl.target.thread(101)
      .in_futex(node + 20, kWaitPrivate, 2)
      .with_stack({linked == Linked::kStatic ? libc : libc + "pthread_cond_timedwait", "app:"})
      .with_stack_words(kStack, {kObject.value, 0})
      .called_at(kStack + 0x200);
  musl.target.program().arguments[{1, 1}] = condition;
  musl.target.program().arguments[{1, 2}] = mutex;
  musl.put(kObject + 0x100, {1, 0x80000000U | 102, 1, 0, 0, 0});
  musl.put(kObject + 0x200, {0x1234, 1, 1, 0, 0, 0});
  const Resource* resource = musl.waited_for();
  EXPECT_TRUE(resource != nullptr && resource->kind == ResourceKind::kCondition);
  return resource == nullptr ? std::nullopt : resource->condition_mutex;
}

TEST_P(Musl, AConditionVariableGoesWithTheMutexThatItsCallerPassed) {
  const auto mutex = mutex_of_condition(GetParam(), kObject.value, (kObject + 0x100).value);
  ASSERT_TRUE(mutex);
  EXPECT_EQ(mutex->address, kObject + 0x100);
  EXPECT_FALSE(mutex_of_condition(GetParam(), kObject.value + 8, (kObject + 0x100).value));
  EXPECT_FALSE(mutex_of_condition(GetParam(), kObject.value, (kObject + 0x200).value));
  EXPECT_FALSE(mutex_of_condition(GetParam(), kObject.value, 0));
}

TEST_P(Musl, ABarrierByItsInstance) {
  MuslTarget musl(GetParam());
  const Address instance = kStack + 0x100;
  musl.sleep_in("pthread_barrier_wait", instance + 4, kWaitPrivate, 0);
  musl.keep(kObject);
  musl.put(instance, {1, 0, 1, 0});
  musl.put(kObject, {0, 0, 3, 0, 0, 0, static_cast<std::uint32_t>(instance.value),
                     static_cast<std::uint32_t>(instance.value >> 32)});
  const Resource* barrier = musl.waited_for();
  ASSERT_NE(barrier, nullptr);
  EXPECT_EQ(barrier->kind, ResourceKind::kBarrier);
  EXPECT_EQ(barrier->parties, (PartyCount{.arrived = 2, .expected = 4, .missing = 2}));
}

TEST_P(Musl, ABarrierByWhatItsFirstThreadPassed) {
  const auto found_with = [](Linked linked, std::uint64_t argument) {
    MuslTarget musl(linked);
    const Address instance = kStack + 0x100;
    musl.sleep_in("pthread_barrier_wait", instance + 12, kWaitPrivate, 1);
    musl.target.program().arguments[{1, 1}] = argument;
    musl.put(instance, {0, 0, 0, 1});
    musl.put(kObject, {0, 0, 1, 0, 0, 0, static_cast<std::uint32_t>(instance.value),
                       static_cast<std::uint32_t>(instance.value >> 32)});
    const Resource* barrier = musl.waited_for();
    return barrier != nullptr && barrier->address == kObject && barrier->parties->missing == 1;
  };
  EXPECT_TRUE(found_with(GetParam(), kObject.value));
  EXPECT_FALSE(found_with(GetParam(), kObject.value + 8));
}

/// How often memory is read while so many threads wait for one object.
std::size_t count_reads(std::int32_t threads,
                        const std::function<void(MuslTarget&, std::int32_t)>& make_waiter) {
  MuslTarget musl(Linked::kShared);
  for (std::int32_t i = 0; i < threads; ++i) {
    musl.add_thread(200 + i);
    make_waiter(musl, i);
  }
  std::size_t reads = 0;
  musl.target.memory().before_read = [&](Address) { ++reads; };
  musl.target.diagnose();
  EXPECT_EQ(musl.target.diagnosis().waits.size(), static_cast<std::size_t>(threads));
  return reads;
}

TEST(MuslScale, ABarrierIsLookedForOnce) {
  const auto reads = [](std::int32_t threads) {
    return count_reads(threads, [threads](MuslTarget& musl, std::int32_t i) {
      const Address instance = kStack + 0x100;
      musl.put(instance, {static_cast<std::uint32_t>(threads - 1), 0, 1, 0});
      musl.put(kObject, {0, 0, static_cast<std::uint32_t>(threads + 1), 0, 0, 0,
                         static_cast<std::uint32_t>(instance.value),
                         static_cast<std::uint32_t>(instance.value >> 32)});
      // Only the last one still has the barrier's address, below what its frames keep.
      const bool is_last = i + 1 == threads;
      musl.target.thread(200 + i)
          .in_futex(instance + 4, kWaitPrivate, 0)
          .with_stack({"ld-musl-x86_64.so.1:pthread_barrier_wait", "work"})
          .with_stack_words(kStack + 0x1000 + static_cast<std::uint64_t>(i) * 0x1000,
                            {0, is_last ? kObject.value : 0});
    });
  };
  const std::size_t few = reads(50);
  EXPECT_LT(reads(200), 5 * few);
}

TEST(MuslScale, AListOfWaitersIsReadOnce) {
  const auto reads = [](std::int32_t threads) {
    return count_reads(threads, [threads](MuslTarget& musl, std::int32_t i) {
      const auto node = [](std::int32_t number) {
        return number < 0 ? Address{} : kStack + 0x1000 + static_cast<std::uint64_t>(number) * 64;
      };
      const auto low = [](Address at) { return static_cast<std::uint32_t>(at.value); };
      const auto high = [](Address at) { return static_cast<std::uint32_t>(at.value >> 32); };
      const Address next = i + 1 == threads ? Address{} : node(i + 1);
      const Address previous = node(i - 1);
      const Address tail = node(threads - 1);
      musl.put(node(i), {low(previous), high(previous), low(next), high(next), 0, 2});
      musl.put(kObject,
               {0, 0, low(node(0)), high(node(0)), 0, 0, 0, 0, 0, 0, low(tail), high(tail)});
      musl.target.thread(200 + i)
          .in_futex(node(i) + 20, kWaitPrivate, 2)
          .with_stack({"ld-musl-x86_64.so.1:pthread_cond_timedwait"})
          .keeping(kObject.value);
    });
  };
  const std::size_t few = reads(50);
  EXPECT_LT(reads(200), 5 * few);
}

TEST(MuslNamed, AOnceFlagAndALockOfItsOwnNeedAName) {
  for (const Linked linked : {Linked::kShared, Linked::kStatic}) {
    MuslTarget once(linked);
    once.sleep_in("__pthread_once", kObject, kWaitPrivate, 3);
    once.put(kObject, {3});
    EXPECT_EQ(once.waited_for() != nullptr, linked == Linked::kShared);
    MuslTarget lock(linked);
    lock.sleep_in("malloc", kObject, kWaitPrivate, 0x80000002);
    lock.put(kObject, {0x80000002, 0, 0});
    const Resource* found = lock.waited_for();
    ASSERT_EQ(found != nullptr, linked == Linked::kShared);
    if (found != nullptr) {
      EXPECT_EQ(found->kind, ResourceKind::kLibcLock);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SharedAndStatic, Musl, ::testing::Values(Linked::kShared, Linked::kStatic),
                         [](const auto& instance) {
                           return instance.param == Linked::kShared ? "shared" : "static";
                         });

TEST(MuslStatic, IsToldFromGlibcByAllThreads) {
  MuslTarget musl(Linked::kStatic);
  musl.target.memory().put_object(kDescriptors + 102 * 0x1000 + 48, std::int32_t{7});
  musl.sleep_in("", kObject + 4, kWaitPrivate, 0x80000000U | 102);
  musl.put(kObject, {1, 0x80000000U | 102, 1, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(musl.waited_for(), nullptr);
}

}  // namespace
}  // namespace pstuck
