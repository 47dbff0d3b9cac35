#pragma once

#include <map>
#include <vector>

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

/// Those that the process sees, those on top of others last. An overlay is local where all of its
/// layers are, which is known where its paths are absolute and mean here what they did to who
/// mounted it, as a container's do on its host.
std::vector<MountFacts> read_mounts(const ProcDirectory& process);

/// Sets MountFacts::local; `own`: what pstuck itself sees.
void find_local(std::vector<MountFacts>& mounts, const std::vector<MountFacts>& own);

}  // namespace pstuck
