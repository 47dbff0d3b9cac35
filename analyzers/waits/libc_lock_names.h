#pragma once

#include <optional>
#include <string_view>

namespace pstuck {

/// What the lock inside libc guards that this function of glibc takes, in one short term: "malloc
/// arena", "environment"; "" where it takes several. None for a function that takes no such lock.
/// `name` is plain (plain_libc_name).
std::optional<std::string_view> find_libc_lock(std::string_view name);

/// Whether the function may have, or wait for, the lock of one of malloc's arenas.
bool takes_malloc_arena(std::string_view name);

/// Whether the function may lock libc's list of all FILEs.
bool locks_list_of_files(std::string_view name);

}  // namespace pstuck
