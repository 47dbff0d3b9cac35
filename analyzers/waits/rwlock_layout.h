#pragma once

#include <cstdint>
#include <optional>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// A pthread_rwlock_t as glibc has it since 2.25 on x86-64: sysdeps/x86/nptl/bits/struct_rwlock.h,
/// nptl/pthread_rwlock_common.c.
struct RwlockBytes {
  std::uint32_t readers;  ///< bit 0 write phase, bit 1 locked by a writer, readers from bit 3 on
  std::uint32_t writers;  ///< that wait, where the rwlock prefers writers; else 0
  std::uint32_t write_phase_futex;
  std::uint32_t writers_futex;
  std::uint64_t padding;
  std::uint32_t writer;
  std::uint32_t shared;
  std::uint64_t elision;
  std::uint64_t more_padding;
  std::uint32_t flags;
  std::uint32_t end;
};

static_assert(sizeof(RwlockBytes) == 56);

/// Whether all fields agree with each other as they do in every rwlock. At most `most_threads` can
/// have to do with one that is not shared with other processes.
bool is_plausible(const RwlockBytes& rwlock, std::size_t most_threads);

/// Who has the rwlock.
enum class RwlockPhase {
  kWritten,    ///< by RwlockBytes::writer
  kRead,       ///< by as many as are counted
  kHandedOver  ///< free, or between two of these
};

RwlockPhase find_phase(const RwlockBytes& rwlock);

/// What the words count. In a write phase all readers that are counted wait.
RwlockState parse_state(const RwlockBytes& rwlock);

/// Whose rwlock it is, when a writer has it and all fields agree with that; else none. At most
/// `most_threads` can wait for it.
std::optional<Tid> find_writer(const RwlockBytes& rwlock, std::size_t most_threads);

}  // namespace pstuck
