// The C library's own objects, in states that they really have: each is told by its bytes, and no
// part of one is taken for another.

#include "analyzers/held/lock_bytes.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>

namespace pstuck {
namespace {

std::int32_t own_id() { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

Address address_of(const void* object) { return {reinterpret_cast<std::uintptr_t>(object)}; }

class OwnBytes final : public Memory {
 public:
  explicit OwnBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    const Address start = address_of(bytes_.data());
    if (from < start || from - start >= bytes_.size()) return 0;
    const auto source = bytes_.subspan(from - start);
    const std::size_t count = std::min(into.size(), source.size());
    std::memcpy(into.data(), source.data(), count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

Snapshot snapshot_of(const std::vector<std::int32_t>& ids) {
  Snapshot snapshot;
  for (const std::int32_t id : ids) {
    snapshot.threads.push_back({.tid = {id}, .tid_in_target = {id}, .state = 'S'});
  }
  return snapshot;
}

template <typename T>
std::set<std::pair<ResourceKind, std::uint64_t>> find_locks(const T& objects,
                                                            const std::vector<std::int32_t>& ids) {
  const Snapshot snapshot = snapshot_of(ids);
  const ThreadIds by_id(snapshot);
  const HeldLockTest test(snapshot, by_id);
  const auto bytes = std::as_bytes(std::span(&objects, 1));
  OwnBytes memory(bytes);
  std::vector<SeenLock> locks;
  test.find_in(bytes, address_of(&objects), memory, locks);
  std::set<std::pair<ResourceKind, std::uint64_t>> found;
  for (const SeenLock& lock : locks) {
    found.emplace(lock.kind, lock.address - address_of(&objects));
  }
  return found;
}

std::vector<std::int32_t> many_ids() {
  std::vector<std::int32_t> ids{own_id()};
  for (std::int32_t id = 1; id <= 64; ++id) ids.push_back(id);
  return ids;
}

void make(pthread_mutex_t& mutex, int type, int protocol, bool robust) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ASSERT_EQ(pthread_mutex_init(&mutex, &attributes), 0);
  pthread_mutexattr_destroy(&attributes);
}

struct KindCase {
  int type;
  int protocol;
  bool robust;
};

TEST(LockBytes, OfEveryKindOfMutexTellThatItIsHeld) {
  const KindCase cases[] = {
      {PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, false},
      {PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, false},
      {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, false},
      {PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, false},
      {PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, false},
      {PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, false},
      {PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, true},
      {PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, true},
      {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, true},
  };
  for (const KindCase& kind : cases) {
    struct {
      std::uint64_t before[8] = {};
      pthread_mutex_t mutex;
      std::uint64_t after[8] = {};
    } objects;
    make(objects.mutex, kind.type, kind.protocol, kind.robust);
    EXPECT_TRUE(find_locks(objects, many_ids()).empty()) << "free";
    ASSERT_EQ(pthread_mutex_lock(&objects.mutex), 0);
    const auto found = find_locks(objects, many_ids());
    EXPECT_TRUE(find_locks(objects, {1, 2, 3}).empty()) << "another's";
    ASSERT_EQ(pthread_mutex_unlock(&objects.mutex), 0);
    EXPECT_EQ(found.size(), 1U) << kind.type << kind.protocol << kind.robust;
    EXPECT_TRUE(found.contains({ResourceKind::kMutex, 64}));
    EXPECT_TRUE(find_locks(objects, many_ids()).empty()) << "free again";
    pthread_mutex_destroy(&objects.mutex);
  }
}

TEST(LockBytes, OfRwlocksTellTheirWriterOnly) {
  struct {
    std::shared_mutex read;
    std::shared_mutex written;
    std::shared_mutex used_before;
  } objects;
  objects.used_before.lock();
  objects.used_before.unlock();
  objects.read.lock_shared();
  objects.written.lock();
  const auto found = find_locks(objects, many_ids());
  objects.read.unlock_shared();
  objects.written.unlock();
  EXPECT_EQ(found, (std::set<std::pair<ResourceKind, std::uint64_t>>{
                       {ResourceKind::kRwlock, sizeof(std::shared_mutex)}}));
}

TEST(LockBytes, OfOtherObjectsAreNoLocks) {
  struct {
    std::mutex used_by_waiters;
    std::condition_variable condition;
    pthread_cond_t monotonic_condition;
    sem_t semaphore;
    pthread_barrier_t barrier;
    pthread_rwlock_t preferring_writers = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    std::once_flag once;
    std::mutex held;
  } objects;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&objects.monotonic_condition, &attributes);
  sem_init(&objects.semaphore, 0, 1);
  pthread_barrier_init(&objects.barrier, nullptr, 2);
  bool over = false;
  int waiting = 0;
  const auto wait = [&] {
    std::unique_lock lock(objects.used_by_waiters);
    ++waiting;
    objects.condition.wait(lock, [&] { return over; });
  };
  std::thread first(wait);
  std::thread second(wait);
  for (bool both = false; !both;) {
    const std::lock_guard lock(objects.used_by_waiters);
    both = waiting == 2;
  }
  objects.held.lock();
  pthread_rwlock_rdlock(&objects.preferring_writers);
  const auto found = find_locks(objects, many_ids());
  objects.held.unlock();
  {
    const std::lock_guard lock(objects.used_by_waiters);
    over = true;
  }
  objects.condition.notify_all();
  first.join();
  second.join();
  EXPECT_EQ(found, (std::set<std::pair<ResourceKind, std::uint64_t>>{
                       {ResourceKind::kMutex, offsetof(decltype(objects), held)}}));
}

}  // namespace
}  // namespace pstuck
