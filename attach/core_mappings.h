#pragma once

#include <optional>
#include <span>
#include <vector>

#include "attach/core_file.h"
#include "attach/core_notes.h"

namespace pstuck {

/// The memory map of the dumped process: the segments tell ranges and permissions, NT_FILE tells
/// the files. What NT_FILE does not name is anonymous, but for the vDSO, which AT_SYSINFO_EHDR
/// names. gcore writes no segment for code and constants: such a range counts as readable only.
/// Both lists must be ascending and free of overlaps, and so is the result.
std::vector<Mapping> make_core_mappings(std::span<const CoreSegment> segments,
                                        std::span<const CoreFileRange> files,
                                        std::optional<Address> vdso);

}  // namespace pstuck
