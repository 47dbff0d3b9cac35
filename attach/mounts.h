#pragma once

#include <map>
#include <set>
#include <string>

#include "attach/proc_files.h"

namespace pstuck {

/// The file systems of files that processes have open.
class Mounts {
 public:
  /// Null for one that is not in the process's mount namespace, as the kernel's own.
  const MountFacts* find(const ProcDirectory& process, std::uint64_t id);

  /// is_local() of one that find() has told.
  bool is_local(const MountFacts& mount);

  /// Makes one known that no process sees, and which file system it is of.
  void learn(std::uint64_t id, std::uint64_t device, std::string type);

  /// Of what the process sees at this place; none where nothing is mounted there.
  [[nodiscard]] static std::optional<std::uint64_t> find_device(const ProcDirectory& process,
                                                                std::string_view point);

 private:
  std::map<std::uint64_t, MountFacts> by_id_;
  std::map<std::uint64_t, bool> is_local_;
  std::set<std::string> seen_;  // mount namespaces
};

/// Whether asking the file system cannot lead to a server that does not answer. An overlay is local
/// where all of its layers are, which is known where their paths are absolute and mean here what
/// they did to who mounted it, as a container's do on its host.
bool is_local(const MountFacts& mount);

}  // namespace pstuck
