#pragma once

#include "attach/snapshot_file.h"

namespace pstuck {

/// Takes out of a snapshot what may be nobody else's business: the stacks' bytes, text in memory,
/// the arguments of command lines, the name of the machine and, in any text, the names of users
/// whose home directories are named in it; addresses of other machines become "host-1" and so on,
/// the same one for the same address. Each process's memory must be what the diagnosis asked for,
/// not what unwinding read. The findings stay the same; names cannot be looked up anew.
void redact(SnapshotFile& file);

}  // namespace pstuck
