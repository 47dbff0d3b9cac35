#include "analyzers/held_locks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "analyzers/waits/rwlock_layout.h"
#include "tests/support/snapshot_builder.h"

// Where held locks are found, and what is not taken for one.

namespace pstuck {
namespace {

using namespace std::chrono_literals;
using testing::FakeMutex;
using testing::SnapshotBuilder;

constexpr Address kData{0x600000};  // of the module "app"
constexpr Address kHeap{0x900000};
constexpr Address kStack{0x7ffe0000};
constexpr Address kPthread{0x7d0000001000};
constexpr std::uint64_t kPage = 4096;

constexpr std::int64_t kRead = 0;

MutexBytes held_mutex(std::uint32_t owner) {
  return {.head = {.lock = 1, .owner = owner, .nusers = 1}};
}

RwlockBytes written_rwlock(std::uint32_t writer) {
  return {.readers = 3, .write_phase_futex = 1, .writers_futex = 1, .writer = writer};
}

template <typename T>
std::vector<std::uint64_t> words_of(const T& object) {
  std::vector<std::uint64_t> words(sizeof(T) / 8);
  std::memcpy(words.data(), &object, sizeof(T));
  return words;
}

/// Two threads that sleep in read(), 1001 and 1002, data of a module, and a heap.
class HeldLocks : public ::testing::Test {
 protected:
  HeldLocks() {
    target.maps(kData, kPage);
    target.maps(kHeap, 16 * kPage);
    target.thread(1001).in_call(kRead);
    target.thread(1002).in_call(kRead);
  }

  std::string held() {
    target.diagnose();
    return target.held();
  }

  /// What the diagnosis says of it; empty when nothing.
  std::string blind_spot(BlindSpotKind kind) {
    const auto& spots = target.diagnosis().blind_spots;
    const auto found = std::ranges::find(spots, kind, &BlindSpot::kind);
    return found == spots.end() ? "" : found->detail;
  }

  SnapshotBuilder target;
};

TEST_F(HeldLocks, AreFoundWhereTheyAreWaitedFor) {
  target.mutex("A").owned_by(1001);
  target.thread(1002).waits_for("A");
  EXPECT_EQ(held(), "1001: A by waited for");
}

TEST_F(HeldLocks, AreFoundInVariables) {
  target.mutex("A").at(kData + 64).owned_by(1001);
  target.mutex("B").at(kData + 128).owned_by(1002).of_kind(1).locked_times(3);
  target.mutex("free").at(kData + 192);
  EXPECT_EQ(held(), "1001: A by variable\n1002: B by variable");
  EXPECT_EQ(target.resource("B").recursion, 3U);
  EXPECT_EQ(target.resource("B").mutex->type, MutexType::kRecursive);
  EXPECT_EQ(target.resource("B").holder.recorded_id, Tid{1002});
}

TEST_F(HeldLocks, AreFoundOnStacks) {
  target.thread(1002).with_stack_words(kStack, words_of(held_mutex(1001)));
  EXPECT_EQ(held(), "1001: 0x7ffe0000 by variable");
}

TEST_F(HeldLocks, AreNotLookedForBelowTheStackPointer) {
  target.thread(1002)
      .with_stack_words(kStack, words_of(held_mutex(1001)))
      .with_register(7, (kStack + 8).value);
  EXPECT_EQ(held(), "");
}

TEST_F(HeldLocks, AreFoundAmongThreadLocalVariables) {
  target.maps(kPthread - kPage, 2 * kPage);
  target.mutex("A").at(kPthread - 80).owned_by(1001);
  target.thread(1001).with_thread_pointer(kPthread);
  EXPECT_EQ(held(), "1001: A by variable");
}

TEST_F(HeldLocks, AreFoundByPointers) {
  target.options().scan_memory = ScanMemory::kNo;
  target.mutex("A").at(kHeap + 16).owned_by(1001);
  target.mutex("B").at(kHeap + 512).owned_by(1001);
  target.mutex("C").at(kHeap + kPage + 16).owned_by(1001);
  target.mutex("unreferenced").at(kHeap + kPage + 512).owned_by(1001);
  target.thread(1001).with_register(3, (kHeap + 16).value).keeping((kHeap + 512).value);
  target.thread(1002).with_stack_words(kStack, {7, (kHeap + kPage + 16).value, 0x123456789});
  EXPECT_EQ(held(), "1001: A by pointer\n1001: B by pointer\n1001: C by pointer");
}

TEST_F(HeldLocks, AreFoundAtTheEndOfAMapping) {
  target.mutex("A").at(kHeap + 16 * kPage - 40).owned_by(1001);
  target.thread(1001).with_register(3, target.address_of("A").value);
  EXPECT_EQ(held(), "1001: A by pointer");
}

TEST_F(HeldLocks, AreFoundByAScan) {
  target.mutex("A").at(kHeap + 4 * kPage - 16).owned_by(1001);
  target.memory().put_object(kHeap + 8 * kPage, written_rwlock(1002));
  EXPECT_EQ(held(), "1001: A by memory scan\n1002: 0x908000 by memory scan");
  EXPECT_EQ(target.diagnosis().resources.back().kind, ResourceKind::kRwlock);
}

TEST_F(HeldLocks, AreFoundByAScanAcrossTheBordersOfItsSteps) {
  constexpr Address kBig{0x10000000};
  constexpr std::uint64_t kSize = std::uint64_t{9} << 20;
  target.maps(kBig, kSize);
  target.mutex("A").at(kBig + (std::uint64_t{1} << 18) - 8).owned_by(1001);
  target.mutex("B").at(kBig + (std::uint64_t{4} << 20) - 32).owned_by(1001);
  target.memory().put_object(kBig + (std::uint64_t{8} << 20) - 24, written_rwlock(1001));
  target.mutex("D").at(kBig + kSize - 40).owned_by(1001);
  held();
  EXPECT_EQ(target.diagnosis().held.size(), 4U) << target.held();
}

TEST_F(HeldLocks, AreNotScannedForWhenItWouldTakeLong) {
  target.mutex("A").at(kHeap + 16).owned_by(1001);
  target.facts().mappings.push_back(
      {.start = {0x100000000}, .end = {0x2100000000}, .readable = true, .writable = true});
  EXPECT_EQ(held(), "");
  EXPECT_EQ(blind_spot(BlindSpotKind::kMemoryNotSearched),
            std::to_string(0x2000000000 + 16 * kPage));
  target.options().scan_memory = ScanMemory::kNo;
  EXPECT_EQ(held(), "");
  EXPECT_NE(blind_spot(BlindSpotKind::kMemoryNotSearched), "") << "a reader cannot know it";
}

TEST_F(HeldLocks, AreScannedForInSoMuchMemoryAsAllowed) {
  target.options().scan_memory = ScanMemory::kYes;
  target.options().max_memory = kPage;
  std::size_t last_progress = 1;
  target.options().progress = [&](std::size_t /*done*/, std::size_t total) {
    last_progress = total;
  };
  target.mutex("A").at(kHeap + 16).owned_by(1001);
  target.mutex("B").at(kHeap + kPage).owned_by(1001);
  EXPECT_EQ(held(), "1001: A by memory scan");
  EXPECT_EQ(blind_spot(BlindSpotKind::kMemoryNotSearched), std::to_string(15 * kPage));
  EXPECT_EQ(last_progress, 0U) << "less than a mebibyte";
}

TEST_F(HeldLocks, AreNotScannedForWhereMemoryIsSwappedOutOrADevice) {
  target.mutex("A").at(kHeap + kPage).owned_by(1001);
  target.memory().swapped = {{kHeap + kPage, kHeap + 2 * kPage}};
  target.maps({0xa00000}, kPage).path = "/dev/dri/card0";
  target.mutex("B").at({0xa00040}).owned_by(1001);
  target.maps({0xb00000}, kPage).writable = false;
  target.mutex("C").at({0xb00040}).owned_by(1001);
  target.maps({0xc00000}, kPage).path = "/dev/shm/queue";
  target.mutex("D").at({0xc00040}).owned_by(1001);
  EXPECT_EQ(held(), "1001: D by memory scan");
  EXPECT_EQ(blind_spot(BlindSpotKind::kMemorySwappedOut), std::to_string(kPage));
}

TEST_F(HeldLocks, AreNotBelievedWhereManyLieTogether) {
  for (std::uint64_t i = 0; i < 9; ++i) {
    target.mutex("crowd" + std::to_string(i)).at(kHeap + i * 48).owned_by(1001);
  }
  for (std::uint64_t i = 0; i < 8; ++i) {
    target.mutex("B" + std::to_string(i)).at(kHeap + kPage + i * 48).owned_by(1001);
  }
  target.thread(1002).waits_for("crowd3");
  held();
  EXPECT_EQ(target.diagnosis().held.size(), 9U) << target.held();
  EXPECT_EQ(blind_spot(BlindSpotKind::kHeldLocksDoubted), "8");
}

// A container's first threads have ids that are everywhere in data.
TEST_F(HeldLocks, OfAnOwnerWithACommonNumberNeedMoreThanBytes) {
  target.thread(7).in_call(kRead);
  target.mutex("scanned").at(kHeap + 16).owned_by(7);
  target.mutex("data").at(kData + 64).owned_by(7);
  target.mutex("variable").at(kData + 128).owned_by(7).named_by_symbol();
  target.mutex("pointed to").at(kHeap + 512).owned_by(7);
  target.thread(7).with_register(3, (kHeap + 512).value);
  EXPECT_EQ(held(), "7: variable by variable");
  EXPECT_EQ(blind_spot(BlindSpotKind::kHeldLocksDoubted), "3");
}

// The stack was copied before the locks are read: one that was taken since is in no frame of it.
TEST_F(HeldLocks, OfAThreadThatRanNeedAFrame) {
  target.thread(1001).runs();
  target.mutex("A").at(kData + 64).owned_by(1001).named_by_symbol();
  target.mutex("B").at(kData + 128).owned_by(1002).named_by_symbol();
  EXPECT_EQ(held(), "1002: B by variable");
}

// 8 ids, 3 small numbers, in every combination that chance gives.
TEST_F(HeldLocks, AreNotFoundInArraysOfSmallNumbersAndIds) {
  for (std::int32_t id = 1003; id < 1009; ++id) target.thread(id).in_call(kRead);
  std::mt19937 random(7);
  std::vector<std::uint32_t> numbers(8 * kPage / 4);
  for (std::uint32_t& number : numbers) {
    number = random() % 12 == 0 ? 1001 + random() % 8 : random() % 3 * (random() % 2);
  }
  target.memory().put(kHeap + 8, std::as_bytes(std::span(numbers)));
  target.memory().put_object(kHeap + 15 * kPage, held_mutex(1002));
  EXPECT_EQ(held(), "1002: 0x90f000 by memory scan");
}

TEST_F(HeldLocks, AreNotThoseOfThreadsThatEndedOrNeverWere) {
  target.mutex("A").at(kData + 64).owned_by(1001);
  target.mutex("B").at(kData + 128).owned_by(2000);
  target.thread(1001).in_state('Z');
  EXPECT_EQ(held(), "");
}

TEST_F(HeldLocks, GoByTheIdsOfTheTargetsNamespace) {
  target.thread(1001).called_in_target(3001);
  target.mutex("A").at(kData + 64).owned_by(3001);
  target.mutex("B").at(kData + 128).owned_by(1001);
  EXPECT_EQ(held(), "1001: A by variable");
}

TEST_F(HeldLocks, AreLookedAtTwice) {
  target.mutex("A").at(kHeap + 64).owned_by(1001);
  target.mutex("B").at(kHeap + kPage).owned_by(1001);
  bool released = false;
  target.memory().before_read = [&](Address at) {
    if (at == kHeap + 64 && !released) {
      released = true;
      target.memory().put_object(at, MutexBytes{});
    }
  };
  EXPECT_EQ(held(), "1001: B by memory scan");
  EXPECT_TRUE(released);
}

// What a robust mutex that is waited for has in its links is the image of a mutex that is held.
TEST_F(HeldLocks, DoNotLieInsideOthers) {
  MutexBytes robust{.head = {.lock = 1001 | 0x80000000U, .count = 1, .owner = 1001, .nusers = 1}};
  robust.head.kind = 0x90;
  robust.previous = 1;
  robust.next = (std::uint64_t{1} << 32) | 1002;
  target.mutex("A").at(kData + 64).of_kind(0x10).owned_by(1001).with_bytes(robust);
  target.thread(1002).waits_for("A");
  EXPECT_EQ(held(), "1001: A by waited for");
}

TEST_F(HeldLocks, AreNotAddedWhenTheirWaitersKnowBetter) {
  target.mutex("A").at(kData + 64).owned_by(1001);
  target.thread(1001).aged(1s);
  target.thread(1002).waits_for("A").asleep_for(60s);
  EXPECT_EQ(held(), "");
  EXPECT_EQ(target.resource("A").holder.fate, OwnerFate::kRecycled);
}

TEST_F(HeldLocks, KeepTheResourcesInOrder) {
  target.mutex("first").at(kData + 64).owned_by(1001);
  target.mutex("wanted").at(kData + 128).owned_by(1001);
  target.mutex("last").at(kData + 192).owned_by(1002);
  target.thread(1002).waits_for("wanted");
  EXPECT_EQ(held(), "1001: first by variable\n1001: wanted by waited for\n1002: last by variable");
  EXPECT_EQ(target.wait_of(1002)->resource, 1U);
  EXPECT_EQ(target.diagnosis().resources.size(), 3U);
}

TEST_F(HeldLocks, ChangeNoConclusion) {
  target.mutex("A").owned_by(1001);
  target.mutex("B").owned_by(1002);
  target.thread(1001).waits_for("B");
  target.thread(1002).waits_for("A");
  target.diagnose();
  const std::string before = target.story();
  target.mutex("C").at(kData + 512).owned_by(1001);
  target.mutex("D").at(kData + 576).owned_by(1002);
  EXPECT_EQ(target.diagnose().held.size(), 4U);
  EXPECT_EQ(target.story(), before);
  EXPECT_EQ(target.diagnosis().pile_ups.size(), 0U);
}

TEST_F(HeldLocks, StayWhenTheSecondLookConfirmsAndGoWhenTheirThreadMoved) {
  target.mutex("A").owned_by(1001);
  target.mutex("B").owned_by(1002);
  target.mutex("C").at(kData + 512).owned_by(1001);
  target.mutex("D").at(kData + 576).owned_by(1002);
  target.thread(1001).waits_for("B");
  target.thread(1002).waits_for("A");
  target.diagnose();
  const Look first = target.look(1s);
  Look second = target.look(2s);
  EXPECT_EQ(target.confirm(first, second).held.size(), 4U);
  second.threads.at(1).switches->voluntary += 1;
  target.confirm(first, second);
  EXPECT_EQ(target.held(), "1001: A by waited for\n1001: C by variable\n1002: B by waited for");
}

TEST_F(HeldLocks, GoWithAnOwnerThatTheSecondLookDoesNotSee) {
  target.mutex("A").owned_by(1001);
  target.mutex("B").owned_by(1002);
  target.thread(1001).waits_for("B");
  target.thread(1002).waits_for("A");
  target.diagnose();
  const Look first = target.look(1s);
  Look second = target.look(2s);
  for (auto& lock : second.locks) lock = std::array<std::byte, 24>{};
  target.confirm(first, second);
  EXPECT_EQ(target.held(), "");
  EXPECT_EQ(target.diagnosis().resources.size(), 2U) << "they are still waited for";
}

/// Robust mutexes as the kernel finds them, and FILEs as libc does.
class LockLists : public HeldLocks {
 protected:
  static constexpr Address kHead = kPthread + 736;

  LockLists() { target.options().scan_memory = ScanMemory::kNo; }

  void put_head(Address first, std::int64_t offset = -32) {
    target.thread(1001).with_thread_pointer(kPthread);
    target.memory().put_object(
        kHead, std::array<std::uint64_t, 3>{first.value, static_cast<std::uint64_t>(offset), 0});
  }

  void put_robust(Address at, std::uint32_t owner, Address next) {
    MutexBytes mutex{.head = {.lock = owner, .count = 1, .owner = owner, .nusers = 1}};
    mutex.head.kind = 0x90;
    mutex.previous = kHead.value;
    mutex.next = next.value;
    target.memory().put_object(at, mutex);
  }

  void put_file(Address at, Address chain, Address lock) {
    target.memory().put_object(at, std::uint64_t{0xfbad2484});
    target.memory().put_object(at + 0x68, chain);
    target.memory().put_object(at + 0x88, lock);
  }

  void put_stdio_lock(Address at, std::uint32_t lock, std::uint32_t depth, Address owner) {
    target.memory().put_object(at, std::array<std::uint32_t, 2>{lock, depth});
    target.memory().put_object(at + 8, owner);
  }

  void put_pthread(Address at, std::int32_t tid) {
    target.memory().put_object(at, at);
    target.memory().put_object(at + 16, at);
    target.memory().put_object(at + 720, tid);
  }
};

TEST_F(LockLists, OfRobustMutexesAreFollowed) {
  put_head(kHeap + 64 + 32);
  put_robust(kHeap + 64, 1001, kHeap + kPage + 32);
  put_robust(kHeap + kPage, 1001, kHead);
  EXPECT_EQ(held(), "1001: 0x900040 by robust list\n1001: 0x901000 by robust list");
  EXPECT_TRUE(target.diagnosis().resources.at(0).mutex->robust);
}

TEST_F(LockLists, OfRobustMutexesMayLeadAnywhere) {
  put_head(kHeap + 64 + 32);
  put_robust(kHeap + 64, 1001, kHeap + 64 + 32);
  EXPECT_EQ(held(), "1001: 0x900040 by robust list") << "a circle";
  put_robust(kHeap + 64, 1001, {0x10});
  EXPECT_EQ(held(), "1001: 0x900040 by robust list") << "unreadable";
  put_robust(kHeap + 64, 1001, kHeap + kPage + 32);
  put_robust(kHeap + kPage, 1002, kHead);
  EXPECT_EQ(held(), "1001: 0x900040 by robust list") << "another thread's";
  put_head(kHeap + 64 + 32, -28);
  EXPECT_EQ(held(), "") << "another libc's";
  put_head({});
  EXPECT_EQ(held(), "");
}

TEST_F(LockLists, OfFilesAreFollowed) {
  put_pthread(kPthread, 1001);
  target.program().libc_variables = {{"_IO_list_all", kHeap},
                                     {"_IO_2_1_stdout_", kHeap + 2 * kPage}};
  target.memory().put_object(kHeap, kHeap + kPage);
  put_file(kHeap + kPage, kHeap + 2 * kPage, kHeap + 3 * kPage);
  put_file(kHeap + 2 * kPage, kHeap + 4 * kPage, kHeap + 3 * kPage + 64);
  put_file(kHeap + 4 * kPage, {}, kHeap + 3 * kPage + 128);
  put_stdio_lock(kHeap + 3 * kPage, 0, 0, {});
  put_stdio_lock(kHeap + 3 * kPage + 64, 1, 1, kPthread);
  put_stdio_lock(kHeap + 3 * kPage + 128, 2, 0, kPthread);
  EXPECT_EQ(held(), "1001: stdout by file list\n1001: 0x903080 by file list");
  EXPECT_EQ(target.diagnosis().resources.at(0).kind, ResourceKind::kStdio);
}

TEST_F(LockLists, OfFilesMayLeadAnywhere) {
  put_pthread(kPthread, 1001);
  put_pthread(kPthread + kPage, 2000);
  target.program().libc_variables = {{"_IO_list_all", kHeap}};
  target.memory().put_object(kHeap, kHeap + kPage);
  put_file(kHeap + kPage, kHeap + kPage, kHeap + 3 * kPage);
  put_stdio_lock(kHeap + 3 * kPage, 1, 1, kPthread);
  EXPECT_EQ(held(), "1001: 0x903000 by file list") << "a circle";
  put_stdio_lock(kHeap + 3 * kPage, 1, 1, kPthread + kPage);
  EXPECT_EQ(held(), "") << "the owner is no thread of the target";
  put_stdio_lock(kHeap + 3 * kPage, 1, 1, kPthread + 8);
  EXPECT_EQ(held(), "") << "the owner is no pthread_t";
  put_stdio_lock(kHeap + 3 * kPage, 1, 1, kPthread);
  target.memory().put_object(kHeap + kPage, std::uint64_t{0});
  EXPECT_EQ(held(), "") << "no FILE";
  target.memory().put_object(kHeap, Address{0x10});
  EXPECT_EQ(held(), "") << "unreadable";
}

}  // namespace
}  // namespace pstuck
