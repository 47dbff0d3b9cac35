#include "analyzers/guard_types.h"

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

template <std::size_t N>
bool begins_with_one_of(std::string_view type, const std::string_view (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view name) { return type.starts_with(name); });
}

}  // namespace

bool can_be_empty(std::string_view guard_type) {
  constexpr std::string_view kFull[] = {"std::lock_guard<",          "std::scoped_lock<",
                                        "boost::lock_guard<",        "boost::strict_lock<",
                                        "absl::MutexLock",           "absl::WriterMutexLock",
                                        "boost::shared_lock_guard<", "absl::ReaderMutexLock"};
  return !begins_with_one_of(guard_type, kFull) || guard_type == "absl::MutexLockMaybe";
}

bool is_reader_guard(std::string_view guard_type) {
  constexpr std::string_view kReaders[] = {"std::shared_lock<", "boost::shared_lock<",
                                           "boost::shared_lock_guard<", "absl::ReaderMutexLock",
                                           "QReadLocker"};
  return begins_with_one_of(guard_type, kReaders);
}

}  // namespace pstuck
