#include "analyzers/guard_types.h"

#include "analyzers/program_frames.h"

namespace pstuck {
bool can_be_empty(std::string_view guard_type) {
  const bool is_full = starts_with_any(
      guard_type, {"std::lock_guard<", "std::scoped_lock<", "boost::lock_guard<",
                   "boost::strict_lock<", "absl::MutexLock", "absl::WriterMutexLock",
                   "boost::shared_lock_guard<", "absl::ReaderMutexLock"});
  return !is_full || guard_type == "absl::MutexLockMaybe";
}

bool is_reader_guard(std::string_view guard_type) {
  return starts_with_any(guard_type,
                         {"std::shared_lock<", "boost::shared_lock<", "boost::shared_lock_guard<",
                          "absl::ReaderMutexLock", "QReadLocker"});
}

}  // namespace pstuck
