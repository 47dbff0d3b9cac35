#include "attach/mounts.h"

#include <algorithm>
#include <array>

#include "attach/local_walk.h"

namespace pstuck {
namespace {

bool has_local_type(const MountFacts& mount) {
  constexpr std::array<std::string_view, 19> kTypes = {
      "ext2",  "ext3",     "ext4",     "xfs",   "btrfs",   "tmpfs", "ramfs",
      "vfat",  "devtmpfs", "devpts",   "zfs",   "f2fs",    "exfat", "proc",
      "sysfs", "iso9660",  "squashfs", "erofs", "bcachefs"};
  return std::ranges::find(kTypes, mount.type) != kTypes.end();
}

}  // namespace

const MountFacts* Mounts::find(const ProcDirectory& process, std::uint64_t id) {
  auto found = by_id_.find(id);
  if (found == by_id_.end() && seen_.insert(process.read_link("ns/mnt")).second) {
    for (MountFacts& mount : parse_mounts(process.read("mountinfo").value_or(""))) {
      by_id_[mount.id] = std::move(mount);
    }
    found = by_id_.find(id);
  }
  return found == by_id_.end() ? nullptr : &found->second;
}

bool Mounts::is_local(const MountFacts& mount) {
  const auto [entry, is_new] = is_local_.try_emplace(mount.id);
  if (is_new) entry->second = pstuck::is_local(mount);
  return entry->second;
}

void Mounts::learn(std::uint64_t id, std::uint64_t device, std::string type) {
  by_id_[id] = {.id = id, .device = device, .type = std::move(type)};
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
  if (has_local_type(mount)) return true;
  if (mount.layers.empty()) return false;
  const ProcDirectory self("/proc/self");
  const auto own = parse_mounts(self.read("mountinfo").value_or(""));
  return std::ranges::all_of(mount.layers, [&](const std::string& layer) {
    return layer.starts_with('/') && walk_local(self, own, has_local_type, layer);
  });
}

}  // namespace pstuck
