#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attach/core_file.h"
#include "attach/core_memory.h"
#include "attach/elf_image.h"
#include "attach/file_memory.h"
#include "attach/target.h"

namespace pstuck {

/// The files of a core's modules as this machine has them, and the memory that they stand in for:
/// code and constants, which are not in cores.
struct LocalFiles {
  std::vector<std::unique_ptr<FileMemory>> files;
  std::vector<CoreMemory::Piece> pieces;  ///< of `files`
  std::vector<BlindSpot> blind_spots;
};

/// What a core's auxiliary vector says.
struct CoreProgram {
  std::optional<std::size_t> executable;  ///< index of the program's own module
  std::uint64_t page_size = kPageSize;
};

/// Sets Module::local_file where a file with the module's build ID is there.
/// TargetOptions::executable stands in for the path of the program's own module.
/// Mappings that the core tells no permissions of learn from the program headers whether they are
/// code. Throws Error when the program's file is another one than the core's.
LocalFiles find_local_files(const CoreFile& core, std::span<Mapping> mappings, Memory& memory,
                            std::vector<Module>& modules, const CoreProgram& program,
                            const TargetOptions& options);

}  // namespace pstuck
