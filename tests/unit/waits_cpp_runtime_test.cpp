#include <gtest/gtest.h>

#include "analyzers/diagnosis.h"
#include "tests/support/snapshot_builder.h"

// What threads wait for in the C++ runtime: the futex word, the object's bytes and the names.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::FakeFrames;
using testing::SnapshotBuilder;

constexpr Address kObject{0x610000};
constexpr std::uint64_t kWait = 0;
constexpr std::uint64_t kWaitPrivate = 0x80;
constexpr std::uint64_t kWaitBitset = 9;
constexpr const char* kPlatformWait = "std::__detail::__platform_wait<int>(int const*, int)";

struct Sleep {
  Address word = kObject;
  std::uint64_t operation = kWait;
  std::uint64_t value = 0;
};

/// Thread 101 sleeps through syscall(), called by `frames`, the innermost first.
void sleep_in(SnapshotBuilder& target, const Sleep& sleep, FakeFrames frames) {
  frames.insert(frames.begin(), "libc.so.6:syscall");
  target.thread(101)
      .in_futex(sleep.word, sleep.operation, sleep.value)
      .with_stack(std::move(frames))
      .at_code(SnapshotBuilder::kSyscallFunction);
  target.thread(102).runs();
  target.maps({0x600000}, 0x100000);
  target.facts().modules.push_back({.start = {0x7e0000000000},
                                    .end = {0x7e0000100000},
                                    .path = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"});
}

/// What it was recognised as; null where it was not.
const Resource* waited_for(SnapshotBuilder& target) {
  const Diagnosis& diagnosis = target.diagnose();
  const Wait* wait = target.wait_of(101);
  return wait == nullptr ? nullptr : &diagnosis.resources.at(wait->resource);
}

TEST(StaticGuard, OfLibstdcxx) {
  SnapshotBuilder target;
  sleep_in(target, {.value = 0x10100}, {"libstdc++.so.6:__cxa_guard_acquire", "config"});
  target.memory().put_object(kObject, std::uint64_t{0x10100});
  const Resource* guard = waited_for(target);
  ASSERT_NE(guard, nullptr);
  EXPECT_EQ(guard->kind, ResourceKind::kStaticGuard);
  EXPECT_EQ(guard->address, kObject);
  EXPECT_EQ(guard->seen.size(), 8U);
  EXPECT_EQ(guard->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kInitialisation);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kFunctionName);
}

TEST(StaticGuard, ThatHasJustBeenReleasedIsInTransition) {
  for (const std::uint64_t word : {0ULL, 1ULL}) {
    SnapshotBuilder target;
    sleep_in(target, {.value = 0x10100}, {"libstdc++.so.6:__cxa_guard_acquire", "config"});
    target.memory().put_object(kObject, word);
    const Resource* guard = waited_for(target);
    ASSERT_NE(guard, nullptr);
    EXPECT_EQ(guard->holder.fate, OwnerFate::kInTransition);
  }
}

TEST(StaticGuard, WithoutNamesMustBeAVariableOfAModule) {
  const auto kind_in = [](Address word, std::uint64_t bytes, std::uint64_t operation) {
    SnapshotBuilder target;
    sleep_in(target, {word, operation, 0x10100}, {"app:", "app:"});
    target.maps({0x20000000}, 0x1000);
    target.memory().put_object(word, bytes);
    const Resource* found = waited_for(target);
    return found == nullptr ? std::nullopt : std::optional(found->kind);
  };
  EXPECT_EQ(kind_in(kObject, 0x10100, kWait), ResourceKind::kStaticGuard);
  EXPECT_EQ(kind_in({0x20000010}, 0x10100, kWait), ResourceKind::kAtomic);
  EXPECT_EQ(kind_in(kObject, 0x100010100, kWait), ResourceKind::kAtomic);
  EXPECT_EQ(kind_in(kObject + 4, 0x10100, kWait), ResourceKind::kAtomic);
  EXPECT_EQ(kind_in(kObject, 0x10100, kWaitPrivate), std::nullopt);
}

TEST(StaticGuard, OfLibcxxabiRecordsTheThread) {
  const auto holder_with = [](std::uint64_t guard) -> std::optional<Holder> {
    SnapshotBuilder target;
    target.thread(101)
        .in_futex({0x7e0000200000}, 0x189, 0)
        .with_stack({"libc.so.6:__futex_abstimed_wait_common", "libc.so.6:pthread_cond_wait",
                     "libc++abi.so.1.0:__cxa_guard_acquire"})
        .keeping(kObject.value);
    target.thread(102).runs();
    target.memory().put_object(kObject, guard);
    const Resource* found = waited_for(target);
    if (found == nullptr || found->kind != ResourceKind::kStaticGuard) return std::nullopt;
    EXPECT_EQ(found->address, kObject);
    return found->holder;
  };
  const auto holder = holder_with(102ULL << 32 | 0x0600);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->fate, OwnerFate::kThread);
  EXPECT_EQ(holder->thread, 1U);
  EXPECT_FALSE(holder_with(102ULL << 32 | 0x0101)) << "done";
  EXPECT_FALSE(holder_with(102ULL << 32 | 0x0200)) << "nobody sleeps";
  EXPECT_FALSE(holder_with(999ULL << 32 | 0x0600)) << "no such thread";
}

struct FutureState {
  std::uint64_t virtual_table = 0x650000;
  std::uint64_t result = 0;
  std::uint32_t status = 0x80000000;
  std::uint32_t flags = 0;
  std::uint64_t once = 0;
  std::uint64_t thread = 0x7d0000008000;
};

constexpr const char* kFutexWait =
    "libstdc++.so.6:std::__atomic_futex_unsigned_base::_M_futex_wait_until(unsigned int*)";

TEST(Future, OfAPromiseRecordsNobody) {
  SnapshotBuilder target;
  sleep_in(target, {.word = kObject + 16, .value = 0x80000000}, {kFutexWait, "get"});
  target.memory().put_object(kObject, FutureState{});
  const Resource* future = waited_for(target);
  ASSERT_NE(future, nullptr);
  EXPECT_EQ(future->kind, ResourceKind::kFuture);
  EXPECT_EQ(future->address, kObject);
  EXPECT_EQ(future->seen.size(), 24U);
  EXPECT_EQ(future->holder.fate, OwnerFate::kNotRecorded);
  EXPECT_EQ(target.wait_of(101)->kind, WaitKind::kResult);
}

TEST(Future, OfAsyncRecordsTheThreadThatMakesTheResult) {
  const auto holder_of = [](const std::string& type, std::uint64_t self, std::int32_t tid) {
    SnapshotBuilder target;
    sleep_in(target, {.word = kObject + 16, .value = 0x80000000}, {"app:", "app:"});
    target.memory().put_object(kObject, FutureState{});
    target.memory().put_object(Address{FutureState{}.thread}, self);
    target.memory().put_object(Address{FutureState{}.thread} + 720, tid);
    target.program().virtual_classes[kObject] = type;
    const Resource* future = waited_for(target);
    return future == nullptr ? Holder{} : future->holder;
  };
  const std::string async = "std::__future_base::_Async_state_impl<std::thread::_Invoker<F>, int>";
  const std::uint64_t self = FutureState{}.thread;
  EXPECT_EQ(holder_of(async, self, 102).thread, 1U);
  EXPECT_EQ(holder_of(async, self, 102).evidence, Evidence::kRecorded);
  EXPECT_FALSE(holder_of(async, self, 999).thread);
  EXPECT_FALSE(holder_of(async, self + 8, 102).thread) << "no thread's descriptor";
  EXPECT_FALSE(holder_of("std::__future_base::_Task_state<F>", self, 102).thread);
}

TEST(Future, WithoutNamesNeedsItsClass) {
  SnapshotBuilder target;
  sleep_in(target, {.word = kObject + 16, .value = 0x80000000}, {"app:", "app:"});
  target.memory().put_object(kObject, FutureState{});
  const Resource* found = waited_for(target);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->kind, ResourceKind::kAtomic);
  target.program().virtual_classes[kObject] = "std::__future_base::_State_baseV2";
  found = waited_for(target);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->kind, ResourceKind::kFuture);
  EXPECT_EQ(target.wait_of(101)->recognised_by, RecognisedBy::kRegisters);
}

TEST(Future, ThatIsReadyIsInTransition) {
  for (const std::uint32_t status : {1U, 0x80000001U, 0U}) {
    SnapshotBuilder target;
    sleep_in(target, {.word = kObject + 16, .value = 0x80000000}, {kFutexWait, "get"});
    target.memory().put_object(kObject, FutureState{.status = status});
    const Resource* future = waited_for(target);
    ASSERT_NE(future, nullptr);
    EXPECT_EQ(future->holder.fate, OwnerFate::kInTransition);
  }
}

struct NameCase {
  const char* name;
  FakeFrames frames;
  ResourceKind kind;
};

class PlatformWaitNames : public ::testing::TestWithParam<NameCase> {};

TEST_P(PlatformWaitNames, TellTheObject) {
  SnapshotBuilder target;
  sleep_in(target, {.value = GetParam().kind == ResourceKind::kSemaphore ? 0U : 3U},
           GetParam().frames);
  const std::uint32_t word = GetParam().kind == ResourceKind::kSemaphore ? 0 : 3;
  target.memory().put_object(kObject, word);
  const Resource* object = waited_for(target);
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->kind, GetParam().kind);
  EXPECT_EQ(object->address, kObject);
  EXPECT_EQ(object->seen.size(), 4U);
  EXPECT_EQ(object->holder.fate, OwnerFate::kNotRecorded);
  if (object->kind == ResourceKind::kLatch) {
    EXPECT_EQ(object->parties, PartyCount{.missing = 3});
  } else {
    EXPECT_EQ(object->value, word);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Libstdcxx, PlatformWaitNames,
    ::testing::Values(
        NameCase{"latch", {kPlatformWait, "std::latch::wait() const", "w"}, ResourceKind::kLatch},
        NameCase{"latch_by_its_lambda",
                 {"void std::__atomic_wait_address<int, std::latch::wait() const::{lambda()#1}>("
                  "int const*, std::latch::wait() const::{lambda()#1})",
                  "w"},
                 ResourceKind::kLatch},
        NameCase{"semaphore",
                 {kPlatformWait, "std::__atomic_semaphore::_M_acquire()",
                  "std::counting_semaphore<1l>::acquire()", "w"},
                 ResourceKind::kSemaphore},
        NameCase{
            "atomic",
            {kPlatformWait, "std::__atomic_base<int>::wait(int, std::memory_order) const", "w"},
            ResourceKind::kAtomic},
        NameCase{"none", {"w"}, ResourceKind::kAtomic}),
    [](const auto& instance) { return instance.param.name; });

TEST(PlatformWait, OnAWordThatChangedIsInTransitionOrNotClaimed) {
  for (const bool named : {true, false}) {
    SnapshotBuilder target;
    sleep_in(target, {.value = 3}, named ? FakeFrames{kPlatformWait, "w"} : FakeFrames{"w"});
    target.memory().put_object(kObject, std::uint32_t{4});
    const Resource* object = waited_for(target);
    ASSERT_EQ(object != nullptr, named);
    if (named) {
      EXPECT_EQ(object->holder.fate, OwnerFate::kInTransition);
    }
  }
}

TEST(PlatformWait, OnTheSharedPoolIsNoObjects) {
  SnapshotBuilder target;
  constexpr Address kPoolWord{0x640040};
  sleep_in(target, {.word = kPoolWord, .value = 7}, {"w"});
  target.memory().put_object(kPoolWord, std::uint32_t{7});
  EXPECT_NE(waited_for(target), nullptr) << "nobody is counted before it: an atomic of the program";
  target.memory().put_object(kPoolWord - 64, std::uint32_t{1});
  EXPECT_EQ(waited_for(target), nullptr);
}

TEST(PlatformWait, OnTheSharedPoolIsKnownByItsSymbol) {
  SnapshotBuilder target;
  target.mutex("std::__detail::__waiter_pool_base::_S_for(void const*)::__w")
      .at(kObject)
      .named_by_symbol()
      .with_lock_word(7);
  sleep_in(target, {.value = 7}, {kPlatformWait, "w"});
  EXPECT_EQ(waited_for(target), nullptr);
}

TEST(PlatformWait, OfOthersIsLeftAlone) {
  const auto is_claimed = [](const Sleep& sleep, const FakeFrames& frames) {
    SnapshotBuilder target;
    sleep_in(target, sleep, frames);
    target.memory().put_object(kObject, static_cast<std::uint32_t>(sleep.value));
    return waited_for(target) != nullptr;
  };
  EXPECT_TRUE(is_claimed({.value = 5}, {"my_lock"}));
  EXPECT_FALSE(is_claimed({.operation = kWaitPrivate, .value = 5}, {"my_lock"}));
  EXPECT_FALSE(is_claimed({.value = 5}, {"g_mutex_lock_slowpath", "work"}));
  EXPECT_FALSE(is_claimed({.operation = kWaitBitset, .value = 5}, {"my_lock"})) << "no timeout";
}

struct BarrierState {
  std::int64_t expected = 5;
  std::uint64_t nodes = 0x630000;
  std::int64_t adjustment = 0;
  std::uint8_t completion = 0;
  std::uint8_t phase = 4;
};

/// Sleeps on a pool word; `kept` is in a register of the waiting function's frame.
std::optional<Resource> wait_at_barrier(const BarrierState& barrier,
                                        const std::vector<std::uint8_t>& tickets, Address kept) {
  SnapshotBuilder target;
  sleep_in(
      target, {.word = {0x640040}, .value = 7},
      {kPlatformWait, "std::__tree_barrier<std::__empty_completion>::wait(unsigned char) const"});
  target.thread(101).keeping(kept.value);
  target.memory().put_object(Address{0x640040}, std::uint32_t{7});
  target.memory().put_object(kObject, barrier);
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    target.memory().put_object(Address{barrier.nodes} + 64 * i, tickets[i]);
  }
  const Resource* found = waited_for(target);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

TEST(StdBarrier, CountsWhoHasArrived) {
  const auto by_this = wait_at_barrier({}, {6, 5, 6}, kObject);
  ASSERT_TRUE(by_this);
  EXPECT_EQ(by_this->kind, ResourceKind::kBarrier);
  EXPECT_EQ(by_this->address, kObject);
  EXPECT_EQ(by_this->parties, (PartyCount{.arrived = 4, .expected = 5, .missing = 1}));
  const auto by_phase = wait_at_barrier({}, {4, 5, 4}, kObject + 25);
  ASSERT_TRUE(by_phase);
  EXPECT_EQ(by_phase->address, kObject);
  EXPECT_EQ(by_phase->parties, (PartyCount{.arrived = 1, .expected = 5, .missing = 4}));
}

TEST(StdBarrier, WhoseFieldsDisagreeIsNone) {
  EXPECT_FALSE(wait_at_barrier({}, {6, 5, 6}, {0x620000})) << "no such object";
  EXPECT_FALSE(wait_at_barrier({}, {4, 4, 4}, kObject)) << "nobody has arrived";
  EXPECT_FALSE(wait_at_barrier({}, {6, 6, 6}, kObject)) << "all have";
  EXPECT_FALSE(wait_at_barrier({}, {6, 5, 5}, kObject)) << "a lone one is half there";
  EXPECT_FALSE(wait_at_barrier({}, {6, 9, 4}, kObject)) << "another phase's ticket";
  EXPECT_FALSE(wait_at_barrier({.nodes = 0x630020}, {6, 5, 6}, kObject));
  EXPECT_FALSE(wait_at_barrier({.phase = 3}, {3, 4, 3}, kObject)) << "odd";
  EXPECT_FALSE(wait_at_barrier({.adjustment = 1}, {6, 5, 6}, kObject));
  EXPECT_FALSE(wait_at_barrier({.adjustment = -6}, {6, 5, 6}, kObject));
  EXPECT_FALSE(wait_at_barrier({.expected = 1LL << 40}, {6, 5, 6}, kObject));
  EXPECT_FALSE(wait_at_barrier({.expected = -1}, {}, kObject));
}

// The search goes from word to word, and a number near the end of memory has no words behind it.
TEST(StdBarrier, IsLookedForAmongNumbersThatAreNoAddresses) {
  constexpr Address kStack{0x650000};
  SnapshotBuilder target;
  sleep_in(target, {.word = {0x640040}, .value = 7},
           {kPlatformWait,
            "std::__tree_barrier<std::__empty_completion>::wait(unsigned char) const", "work"});
  const std::vector<std::uint64_t> words = {0x620000, 0x620020, ~71ULL, ~25ULL, ~0ULL};
  target.thread(101).with_stack_words(kStack, words).called_at(kStack + 8 * words.size());
  target.memory().put_object(Address{0x640040}, std::uint32_t{7});
  EXPECT_EQ(waited_for(target), nullptr);
}

}  // namespace
}  // namespace pstuck
