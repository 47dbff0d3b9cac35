#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/thread_rules.h"
#include "analyzers/waits/lock_description.h"

namespace pstuck {

/// What files tell of programs and libraries.
struct LockFile {
  std::vector<LockDescription> locks;
  std::vector<ThreadRule> rules;
};

/// What a file calls the kinds of waits.
using WaitWord = std::pair<std::string_view, WaitKind>;
inline constexpr std::array kWaitWords{WaitWord("lock", WaitKind::kLock),
                                       WaitWord("read", WaitKind::kReadLock),
                                       WaitWord("write", WaitKind::kWriteLock),
                                       WaitWord("unit", WaitKind::kUnit),
                                       WaitWord("notification", WaitKind::kNotification),
                                       WaitWord("arrivals", WaitKind::kArrivals),
                                       WaitWord("result", WaitKind::kResult),
                                       WaitWord("change", WaitKind::kChange),
                                       WaitWord("initialisation", WaitKind::kInitialisation)};

/// The entries of a file in TOML. Throws Error with kUsage; its message begins with
/// file:line:column.
LockFile parse_lock_file(std::string_view text, const std::string& path);

/// Those of all files in this order, then what pstuck knows by itself. Throws Error: also
/// kUnreadable.
LockFile read_lock_files(const std::vector<std::string>& paths);

/// analyzers/waits/library_locks.toml, compiled in.
std::string_view library_locks();
/// analyzers/thread_rules.toml, compiled in.
std::string_view thread_rules();

}  // namespace pstuck
