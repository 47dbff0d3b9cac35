#include <algorithm>

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

struct Row {
  ResourceKind waits_for;
  Recogniser recognise;
};

// Those with the narrowest pattern first: each must be sure by itself.
constexpr Row kTable[] = {
    {ResourceKind::kThread, recognise_pthread_join},
    {ResourceKind::kStaticGuard, recognise_static_guard},
    {ResourceKind::kFuture, recognise_future},
    {ResourceKind::kSemaphore, recognise_counting_semaphore},
    {ResourceKind::kLatch, recognise_latch},
    {ResourceKind::kBarrier, recognise_std_barrier},
    {ResourceKind::kCondition, recognise_pthread_cond},
    {ResourceKind::kSemaphore, recognise_semaphore},
    {ResourceKind::kRwlock, recognise_pthread_rwlock},
    {ResourceKind::kMutex, recognise_pthread_mutex},
    {ResourceKind::kMutex, recognise_refused_pi_mutex},
    {ResourceKind::kAtomic, recognise_atomic_wait},
};

}  // namespace

std::optional<RecognisedWait> recognise_wait(const FutexSleeper& sleeper) {
  for (const Row& row : kTable) {
    if (auto wait = row.recognise(sleeper)) {
      wait->resource.kind = row.waits_for;
      return wait;
    }
  }
  return std::nullopt;
}

std::optional<MutexBytes> LockReader::read_mutex(Address at) {
  const auto [entry, is_new] = mutexes_.try_emplace(at.value);
  if (is_new) entry->second = memory_.read_object<MutexBytes>(at);
  return entry->second;
}

const std::vector<CleanupHandler>& LockReader::read_cleanup(const ThreadSnapshot& thread) {
  const auto [entry, is_new] = cleanup_.try_emplace(&thread);
  if (is_new) entry->second = read_cleanup_chain(thread, memory_);
  return entry->second;
}

std::vector<std::byte> LockReader::read_seen(Address at, std::size_t size) {
  constexpr std::size_t kMost = 24;
  std::vector<std::byte> bytes(std::min(size, kMost));
  if (memory_.read(at, bytes) != bytes.size()) bytes.clear();
  return bytes;
}

}  // namespace pstuck
