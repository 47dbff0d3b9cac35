#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

struct Row {
  std::optional<ResourceKind> waits_for;  // none: the recogniser itself says so
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
    {ResourceKind::kBarrier, recognise_omp_barrier},
    {std::nullopt, recognise_library_lock},
    {ResourceKind::kThread, recognise_musl_join},
    {ResourceKind::kStdio, recognise_musl_stdio},
    {ResourceKind::kCondition, recognise_musl_condition},
    {ResourceKind::kBarrier, recognise_musl_barrier},
    {ResourceKind::kMutex, recognise_musl_mutex},
    {ResourceKind::kSemaphore, recognise_musl_semaphore},
    {ResourceKind::kRwlock, recognise_musl_rwlock},
    {ResourceKind::kOnce, recognise_musl_once},
    {ResourceKind::kLibcLock, recognise_musl_libc_lock},
    {ResourceKind::kCondition, recognise_pthread_cond},
    {ResourceKind::kSemaphore, recognise_semaphore},
    {ResourceKind::kRwlock, recognise_pthread_rwlock},
    {ResourceKind::kBarrier, recognise_pthread_barrier},
    {ResourceKind::kOnce, recognise_pthread_once},
    {ResourceKind::kMutex, recognise_pthread_mutex},
    {ResourceKind::kMutex, recognise_refused_pi_mutex},
    {ResourceKind::kAtomic, recognise_atomic_wait},
    {ResourceKind::kStdio, recognise_stdio_lock},
    {ResourceKind::kLibcLock, recognise_libc_lock},
};

}  // namespace

std::optional<RecognisedWait> recognise_wait(const FutexSleeper& sleeper) {
  for (const Row& row : kTable) {
    if (auto wait = row.recognise(sleeper)) {
      if (row.waits_for) wait->resource.kind = *row.waits_for;
      return wait;
    }
  }
  return std::nullopt;
}

std::optional<RecognisedWait> recognise_spin(const RunningThread& running) {
  auto wait = recognise_pthread_spin(running);
  if (wait) wait->resource.kind = ResourceKind::kSpinlock;
  return wait;
}

}  // namespace pstuck
