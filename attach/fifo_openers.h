#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attach/ids.h"
#include "attach/kernel_facts.h"

namespace pstuck {

/// What in these bytes can be a path to a file of this name, each once: the characters before the
/// name that paths commonly have, and all characters before it up to a zero byte. Few, none very
/// short.
std::vector<std::string> find_paths(std::string_view bytes, std::string_view name);

/// Whom a thread may wait for that opens a FIFO which nobody has open: processes of its process's
/// session that themselves wait to open another FIFO, and that have a path to this one in their
/// command line or in their memory. No more than likely: the kernel does not know who will open it.
/// Ascending, few.
std::vector<Tid> find_fifo_openers(Tid process, FileId fifo, const std::string& path);

}  // namespace pstuck
