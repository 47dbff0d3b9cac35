#include "analyzers/waits/lock_description.h"

namespace pstuck {

ResourceKind kind_of_described(WaitKind wait) {
  switch (wait) {
    case WaitKind::kUnit:
      return ResourceKind::kSemaphore;
    case WaitKind::kNotification:
      return ResourceKind::kCondition;
    case WaitKind::kArrivals:
      return ResourceKind::kBarrier;
    case WaitKind::kResult:
      return ResourceKind::kFuture;
    case WaitKind::kChange:
      return ResourceKind::kAtomic;
    case WaitKind::kInitialisation:
      return ResourceKind::kOnce;
    default:
      return ResourceKind::kLibraryLock;
  }
}

}  // namespace pstuck
