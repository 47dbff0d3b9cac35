#include "attach/freezer.h"

// cgroups(7): a freezer of version 1 says so in freezer.state, version 2 in cgroup.events; both
// also of groups that are frozen with one above them.

namespace pstuck {
namespace {

constexpr std::size_t kMostBytes = 4096;

bool is_frozen(const std::string& group) {
  const ProcDirectory directory(group);
  const std::string events = directory.read("cgroup.events", kMostBytes).value_or("");
  const std::string state = directory.read("freezer.state", kMostBytes).value_or("");
  return events.find("frozen 1") != std::string::npos || state.starts_with("FROZEN") ||
         state.starts_with("FREEZING");
}

}  // namespace

std::string find_frozen_group(const ProcDirectory& process, const ProcDirectory& own) {
  const auto mounts = parse_mounts(own.read("mountinfo").value_or(""));
  for (const ControlGroup& group : parse_control_groups(process.read("cgroup").value_or(""))) {
    if (group.path.find("/..") != std::string::npos) continue;  // outside of what pstuck can see
    for (const MountFacts& mount : mounts) {
      const bool is_second = group.controllers.empty() && mount.type == "cgroup2";
      const bool is_first = group.controllers == "freezer" && mount.type == "cgroup" &&
                            mount.point.ends_with("/freezer");
      if ((is_first || is_second) && is_frozen(mount.point + group.path)) return group.path;
    }
  }
  return {};
}

}  // namespace pstuck
