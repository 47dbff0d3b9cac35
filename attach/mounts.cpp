#include "attach/mounts.h"

#include <algorithm>
#include <array>

namespace pstuck {

const MountFacts* Mounts::find(const ProcDirectory& process, std::uint64_t id) {
  auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    for (MountFacts& mount : parse_mounts(process.read("mountinfo").value_or(""))) {
      by_id_[mount.id] = std::move(mount);
    }
    found = by_id_.find(id);
  }
  return found == by_id_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Mounts::find_device(const ProcDirectory& process,
                                                 std::string_view point) {
  std::optional<std::uint64_t> device;
  for (const MountFacts& mount : parse_mounts(process.read("mountinfo").value_or(""))) {
    if (mount.point == point) device = mount.device;  // the last one hides the others
  }
  return device;
}

bool is_local(const MountFacts& mount) {
  constexpr std::array<std::string_view, 19> kTypes = {
      "ext2",  "ext3",     "ext4",     "xfs",   "btrfs",   "tmpfs", "ramfs",
      "vfat",  "devtmpfs", "devpts",   "zfs",   "f2fs",    "exfat", "proc",
      "sysfs", "iso9660",  "squashfs", "erofs", "bcachefs"};
  return std::ranges::find(kTypes, mount.type) != kTypes.end();
}

}  // namespace pstuck
