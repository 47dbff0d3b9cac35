#include "attach/local_files.h"

#include "attach/local_walk.h"

namespace pstuck {

std::optional<struct stat> find_local_file(const ProcDirectory& process, const std::string& start,
                                           const std::string& path, Mounts& known) {
  if (path.empty()) return {};
  const bool is_absolute = path.front() == '/';
  const std::vector<MountFacts> mounts = parse_mounts(process.read("mountinfo").value_or(""));
  return walk_local(
      process, mounts, [&](const auto& mount) { return known.is_local(mount); },
      is_absolute ? path : process.read_link(start) + '/' + path);
}

}  // namespace pstuck
