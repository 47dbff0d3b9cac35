#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pstuck {

/// What a function does to the lock that is its first argument.
enum class RustLockDeed : std::uint8_t { kTakes, kReads, kGivesBack };

/// Of a mangled name: the futex-based locks inside Rust's standard library, from 1.62. None for any
/// other function.
std::optional<RustLockDeed> find_rust_lock_deed(std::string_view symbol);

/// Of a mangled name: std::sync::Mutex<T>::lock() and its kin, which come back with the lock, or
/// not at all.
bool is_rust_locking(std::string_view symbol);

}  // namespace pstuck
