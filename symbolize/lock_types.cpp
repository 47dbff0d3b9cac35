#include "symbolize/lock_types.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace pstuck {
namespace {

constexpr std::string_view kLockTypedefs[] = {"pthread_mutex_t", "pthread_rwlock_t",
                                              "pthread_cond_t",  "pthread_spinlock_t",
                                              "pthread_once_t",  "pthread_barrier_t",
                                              "sem_t",           "mtx_t",
                                              "cnd_t",           "once_flag",
                                              "GMutex",          "GRecMutex",
                                              "GRWLock",         "GCond"};

struct LibraryClass {
  std::string_view library;  ///< outermost namespace, empty for none
  std::string_view name;     ///< without template arguments
};

constexpr LibraryClass kLocks[] = {
    {"std", "mutex"},
    {"std", "recursive_mutex"},
    {"std", "timed_mutex"},
    {"std", "recursive_timed_mutex"},
    {"std", "shared_mutex"},
    {"std", "shared_timed_mutex"},
    {"std", "once_flag"},
    {"std", "condition_variable"},
    {"std", "Mutex"},  // Rust's
    {"std", "RwLock"},
    {"std", "Condvar"},
    {"absl", "Mutex"},
    {"absl", "CondVar"},
    {"absl", "SpinLock"},
    {"boost", "mutex"},
    {"boost", "timed_mutex"},
    {"boost", "recursive_mutex"},
    {"boost", "recursive_timed_mutex"},
    {"boost", "shared_mutex"},
    {"boost", "upgrade_mutex"},
    {"boost", "condition_variable"},
    {"folly", "SharedMutexImpl"},
    {"folly", "DistributedMutex"},
    {"folly", "MicroLock"},
    {"folly", "RWSpinLock"},
    {"tbb", "mutex"},
    {"tbb", "rw_mutex"},
    {"tbb", "spin_mutex"},
    {"tbb", "spin_rw_mutex"},
    {"tbb", "queuing_mutex"},
    {"tbb", "queuing_rw_mutex"},
    {"tbb", "recursive_mutex"},
    {"", "QMutex"},
    {"", "QBasicMutex"},
    {"", "QRecursiveMutex"},
    {"", "QReadWriteLock"},
    {"", "QSemaphore"},
    {"", "QWaitCondition"},
};

constexpr LibraryClass kGuards[] = {
    {"std", "lock_guard"},       {"std", "unique_lock"},
    {"std", "scoped_lock"},      {"std", "shared_lock"},
    {"boost", "lock_guard"},     {"boost", "unique_lock"},
    {"boost", "shared_lock"},    {"boost", "shared_lock_guard"},
    {"boost", "upgrade_lock"},   {"boost", "upgrade_to_unique_lock"},
    {"boost", "strict_lock"},    {"absl", "MutexLock"},
    {"absl", "MutexLockMaybe"},  {"absl", "ReaderMutexLock"},
    {"absl", "WriterMutexLock"}, {"absl", "ReleasableMutexLock"},
    {"", "QMutexLocker"},        {"", "QReadLocker"},
    {"", "QWriteLocker"},
};

std::string_view without_arguments(std::string_view name) { return name.substr(0, name.find('<')); }

template <std::size_t N>
bool contains(const LibraryClass (&table)[N], std::string_view name, std::string_view library) {
  const std::string_view own = without_arguments(name);
  return std::ranges::any_of(
      table, [&](const LibraryClass& row) { return row.name == own && row.library == library; });
}

}  // namespace

bool is_lock_typedef(std::string_view name) {
  return std::ranges::find(kLockTypedefs, name) != std::end(kLockTypedefs);
}

bool may_be_lock_class(std::string_view name) {
  const std::string_view own = without_arguments(name);
  return std::ranges::any_of(kLocks, [&](const LibraryClass& row) { return row.name == own; });
}

bool is_lock_class(std::string_view name, std::string_view library) {
  return contains(kLocks, name, library);
}

bool is_guard_class(std::string_view name, std::string_view library) {
  return contains(kGuards, name, library);
}

std::string public_lock_name(std::string_view name) {
  const bool is_rust = name.starts_with("std::sync::") || name.starts_with("std::sys::");
  if (!is_rust) return std::string(name);
  const std::string_view own = without_arguments(name);
  return "std::sync::" + std::string(own.substr(own.rfind(':') + 1));
}

bool is_reserved(std::string_view name) {
  return name.starts_with("_M_") || name.starts_with("__");
}

bool is_standard_library(std::string_view library) {
  constexpr std::string_view kNamespaces[] = {"std", "__gnu_cxx", "__cxxabiv1"};
  return std::ranges::find(kNamespaces, library) != std::end(kNamespaces);
}

}  // namespace pstuck
