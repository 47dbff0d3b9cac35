#include "attach/local_files.h"

#include "attach/local_walk.h"
#include "attach/mounts.h"

namespace pstuck {

std::optional<struct stat> find_local_file(const ProcDirectory& process, const std::string& start,
                                           const std::string& path) {
  if (path.empty()) return {};
  const bool is_absolute = path.front() == '/';
  const std::vector<MountFacts> mounts = parse_mounts(process.read("mountinfo").value_or(""));
  return walk_local(process, mounts, is_local,
                    is_absolute ? path : process.read_link(start) + '/' + path);
}

}  // namespace pstuck
