#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attach/ids.h"
#include "attach/kernel_facts.h"

namespace pstuck {

/// Whether a path's last part stands in these bytes as a word of its own.
bool has_file_name(std::string_view bytes, std::string_view path);

/// Whom a thread may wait for that opens a FIFO which nobody has open: processes of its process's
/// session that themselves wait to open another FIFO, and that have the FIFO's name in their
/// command line or in their memory. No more than likely: the kernel does not know who will open it.
/// Ascending, few.
std::vector<Tid> find_fifo_openers(Tid process, FileId fifo, const std::string& path);

}  // namespace pstuck
