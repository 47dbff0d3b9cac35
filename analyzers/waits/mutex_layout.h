#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// The first 24 bytes of a pthread_mutex_t, enough to tell its kind and owner. The same on x86-64
/// from glibc 2.17 to 2.42: sysdeps/nptl/bits/struct_mutex.h, sysdeps/x86/nptl/bits/struct_mutex.h.
struct MutexHead {
  std::uint32_t lock;
  std::uint32_t count;
  std::uint32_t owner;
  std::uint32_t nusers;
  std::uint32_t kind;
  std::int16_t spins;
  std::int16_t elision;
};

/// A whole pthread_mutex_t; the links are those of the robust list.
struct MutexBytes {
  MutexHead head;
  std::uint64_t previous;
  std::uint64_t next;
};

static_assert(sizeof(MutexHead) == 24 && sizeof(MutexBytes) == 40);

inline constexpr std::uint64_t kMutexAlignment = 8;
inline constexpr std::uint64_t kMutexKindOffset = offsetof(MutexHead, kind);

/// The largest id that a kernel gives to a task: include/linux/threads.h, PID_MAX_LIMIT.
inline constexpr std::uint32_t kLastTid = 4'194'304;

/// None for a kind that no glibc makes. The process_shared of a robust mutex tells nothing: glibc
/// sets that bit in all of them.
std::optional<MutexTraits> parse_mutex_kind(std::uint32_t kind);

/// What a mutex says about its owner.
struct MutexOwner {
  enum class State {
    kHeld,         ///< by `id`
    kHandedOver,   ///< free, or between two owners
    kNotRecorded,  ///< locked by lock elision's fallback, which writes no owner
  };
  State state = State::kHandedOver;
  Tid id;

  friend bool operator==(const MutexOwner&, const MutexOwner&) = default;
};

MutexOwner find_owner(const MutexHead& head, const MutexTraits& traits);

/// Whether all fields agree with each other as they do in every mutex, held or free.
bool is_plausible(const MutexBytes& mutex, const MutexTraits& traits);

/// Parses 24 bytes that were read again; none when they are no mutex any more.
std::optional<MutexOwner> find_owner(const std::array<std::byte, 24>& bytes);

}  // namespace pstuck
