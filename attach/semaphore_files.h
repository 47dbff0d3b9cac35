#pragma once

#include <filesystem>
#include <vector>

#include "attach/snapshot.h"

namespace pstuck {

/// Gives the mapping of a named semaphore of glibc's the path that its file has now. sem_open maps
/// what it creates under a temporary name, which it then removes, so that to the creator the file
/// looks deleted (glibc 2.36: sysdeps/pthread/sem_open.c). A file that has no name any more, or
/// more than one, is left, or marked, as deleted. `directory`: the target's /dev/shm.
void find_semaphore_files(const std::filesystem::path& directory, std::vector<Mapping>& mappings);

}  // namespace pstuck
