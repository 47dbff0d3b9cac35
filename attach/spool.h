#pragma once

#include <functional>
#include <string>

#include "attach/byte_stream.h"

namespace pstuck {

/// Called now and then with how many bytes have been written.
using SpoolProgress = std::function<void(std::uint64_t written)>;

/// Writes `beginning` and the whole stream behind it to a file that has no name and is gone with
/// its descriptor: in $TMPDIR, else in /var/tmp. Pages of zeros become holes, which take no room.
/// Throws Error when there is no room; some of it is always left to others. `name` is what the
/// stream is called in its sentence.
Descriptor spool(std::span<const std::byte> beginning, ByteStream& from, const std::string& name,
                 const SpoolProgress& progress);

}  // namespace pstuck
