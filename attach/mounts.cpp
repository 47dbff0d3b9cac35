#include "attach/mounts.h"

#include <algorithm>
#include <array>

namespace pstuck {
namespace {

bool is_local_type(std::string_view type) {
  constexpr std::array<std::string_view, 19> kTypes = {
      "ext2",  "ext3",     "ext4",     "xfs",   "btrfs",   "tmpfs", "ramfs",
      "vfat",  "devtmpfs", "devpts",   "zfs",   "f2fs",    "exfat", "proc",
      "sysfs", "iso9660",  "squashfs", "erofs", "bcachefs"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

/// The one that the path lies on: the longest, and of several at one place the last. Null for a
/// relative path.
const MountFacts* find_mount_of(std::string_view path, const std::vector<MountFacts>& mounts) {
  const MountFacts* found = nullptr;
  std::size_t longest = 0;
  for (const MountFacts& mount : mounts) {
    const std::string_view point = mount.point == "/" ? std::string_view() : mount.point;
    const bool lies_on = path.starts_with(point) && path.substr(point.size()).starts_with('/');
    if (!lies_on || point.size() < longest) continue;
    found = &mount;
    longest = point.size();
  }
  return found;
}

}  // namespace

const MountFacts* Mounts::find(const ProcDirectory& process, std::uint64_t id) {
  auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    for (MountFacts& mount : read_mounts(process)) {
      by_id_[mount.id] = std::move(mount);
    }
    found = by_id_.find(id);
  }
  return found == by_id_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Mounts::find_device(const ProcDirectory& process,
                                                 std::string_view point) {
  std::optional<std::uint64_t> device;
  for (const MountFacts& mount : read_mounts(process)) {
    if (mount.point == point) device = mount.device;  // the last one hides the others
  }
  return device;
}

std::vector<MountFacts> read_mounts(const ProcDirectory& process) {
  std::vector<MountFacts> mounts = parse_mounts(process.read("mountinfo").value_or(""));
  const bool any =
      std::ranges::any_of(mounts, [](const auto& mount) { return !mount.layers.empty(); });
  const std::string own = any ? ProcDirectory("/proc/self").read("mountinfo").value_or("") : "";
  find_local(mounts, parse_mounts(own));
  return mounts;
}

void find_local(std::vector<MountFacts>& mounts, const std::vector<MountFacts>& own) {
  for (MountFacts& mount : mounts) {
    const auto is_on_disk = [&](const std::string& layer) {
      const MountFacts* const at = find_mount_of(layer, own);
      return at != nullptr && is_local_type(at->type);
    };
    mount.local = is_local_type(mount.type) ||
                  (!mount.layers.empty() && std::ranges::all_of(mount.layers, is_on_disk));
  }
}

}  // namespace pstuck
