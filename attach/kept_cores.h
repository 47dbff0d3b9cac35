#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "attach/ids.h"

namespace pstuck {

/// What systemd-coredump says of a core in its file's name:
/// core.COMM.UID.BOOT.PID.TIME, with .zst, .lz4 or .xz where it is compressed.
struct KeptCore {
  Tid pid;
  std::uint64_t time = 0;  ///< of the crash; later is larger

  friend bool operator==(const KeptCore&, const KeptCore&) = default;
};

/// None for other names.
std::optional<KeptCore> parse_kept_core(std::string_view file_name);

/// Where systemd-coredump keeps the cores of the machine with this root directory ("" for this
/// one).
std::string kept_cores_directory(const std::string& sysroot);

/// The path of the newest core of a process with this id; none when none is kept or may be seen.
std::optional<std::string> find_kept_core(const std::string& sysroot, Tid pid);

}  // namespace pstuck
