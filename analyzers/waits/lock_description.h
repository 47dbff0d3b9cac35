#pragma once

/// A lock that pstuck does not know by itself, as a file describes it. Standard library only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/diagnosis.h"
#include "symbolize/own_lock_functions.h"

namespace pstuck {

struct LockDescription {
  enum class OwnerUnit {
    kTid,      ///< the kernel's id of the thread, as gettid() gives it
    kPthread,  ///< what pthread_self() gives
    kIndex,    ///< a number of the program's own, by which a table has the thread
  };
  /// An array variable with a slot for each thread.
  struct Table {
    std::string variable;      ///< as demangled: "orders::g_threads"
    std::string member;        ///< of a slot, by debug information; empty: by the numbers below
    std::uint64_t stride = 0;  ///< from slot to slot
    std::uint64_t offset = 0;  ///< into a slot
    std::size_t size = 4;      ///< of what a slot says, in bytes
    OwnerUnit unit = OwnerUnit::kTid;  ///< of what a slot says; no index again
    std::uint64_t first = 0;           ///< the first slot's index
  };
  struct Owner {
    std::string type;    ///< whose member it is, by debug information; empty: by the numbers below
    std::string member;  ///< "state_.owner"
    std::uint64_t offset = 0;  ///< into the lock
    std::size_t size = 4;      ///< in bytes: 4 or 8, of an index also 1 or 2
    OwnerUnit unit = OwnerUnit::kTid;
    std::optional<Table> table;  ///< set for kIndex
  };

  std::string type;  ///< as it is printed: "absl::Mutex"
  /// Who waits for it is in one of these functions. Without arguments, template arguments and
  /// return type; "*" stands for any letters but ":".
  std::vector<std::string> waits_in;
  WaitKind wait = WaitKind::kLock;
  /// So far inside the lock is the word that its waiters sleep on.
  std::optional<std::uint64_t> futex_offset;
  /// Where that is not set: the argument of the functions that is the lock's address, from 1.
  std::optional<std::size_t> argument;
  std::optional<Owner> owner;
  std::vector<OwnLockFunction> functions;  ///< that take it and give it back
};

/// What is waited for, as far as the way of waiting tells.
ResourceKind kind_of_described(WaitKind wait);

}  // namespace pstuck
