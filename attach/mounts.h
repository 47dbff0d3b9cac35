#pragma once

#include <map>

#include "attach/proc_files.h"

namespace pstuck {

/// The file systems of files that processes have open.
class Mounts {
 public:
  /// Null for one that is not in the process's mount namespace, as the kernel's own.
  const MountFacts* find(const ProcDirectory& process, std::uint64_t id);

  /// Of what the process sees at this place; none where nothing is mounted there.
  [[nodiscard]] static std::optional<std::uint64_t> find_device(const ProcDirectory& process,
                                                                std::string_view point);

 private:
  std::map<std::uint64_t, MountFacts> by_id_;
};

/// Asking the file system cannot lead to a server that does not answer. Not known of overlays.
bool is_local(const MountFacts& mount);

}  // namespace pstuck
