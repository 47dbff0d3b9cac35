#pragma once

/// A lock that pstuck does not know by itself, as a file describes it. Standard library only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

struct LockDescription {
  enum class OwnerUnit {
    kTid,      ///< the kernel's id of the thread, as gettid() gives it
    kPthread,  ///< what pthread_self() gives
  };
  struct Owner {
    std::uint64_t offset = 0;  ///< into the lock
    std::size_t size = 4;      ///< 4 or 8 bytes
    OwnerUnit unit = OwnerUnit::kTid;
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
};

/// What is waited for, as far as the way of waiting tells.
ResourceKind kind_of_described(WaitKind wait);

/// "foo::bar" of "int foo::bar<int>(int) const"; also of Rust's names, without their hash.
std::string bare_function_name(std::string_view demangled);

/// Whether a bare name is one of the description's functions.
bool names_function(const std::string& pattern, std::string_view bare_name);

}  // namespace pstuck
