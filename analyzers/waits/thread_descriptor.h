#pragma once

#include <optional>

#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

/// struct pthread of nptl/descr.h, which a pthread_t points to and the thread pointer too. On
/// x86-64 these fields are at the same places from glibc 2.17 to 2.42.
inline constexpr std::uint64_t kDescriptorSelfOffset = 16;
inline constexpr std::uint64_t kDescriptorTidOffset = 720;

/// The id on AArch64, where the descriptor does not point to itself, from 2.17 to 2.42.
inline constexpr std::uint64_t kAArch64DescriptorTidOffset = 208;

/// The thread's id in musl's struct pthread, which begins with a pointer to itself too:
/// src/internal/pthread_impl.h of 1.2.3.
inline constexpr std::uint64_t kMuslDescriptorTidOffset = 48;

/// Whether it points to itself as every descriptor does.
bool is_thread_descriptor(Address at, Memory& memory);

/// The id of the thread in the target's namespace; 0 when it has ended. None when there is no
/// descriptor.
std::optional<Tid> read_thread_id(Address descriptor, Memory& memory);

}  // namespace pstuck
