#include "attach/open_descriptors.h"

#include <fmt/format.h>

#include "attach/open_files.h"

// The name of a descriptor tells at once which pipe or socket it is: "pipe:[123]". Of a file with a
// path it does not, for one file can have many; which it is takes longer to ask, and few want to
// know. What the table says is asked again before it is told: descriptors are closed meanwhile.

namespace pstuck {
namespace {

constexpr std::size_t kMostProcesses = 1 << 16;
constexpr std::size_t kMostLookedAt = 1 << 20;

std::optional<Tid> read_parent(Tid process) {
  const auto text = ProcDirectory(proc_path(process)).read("stat");
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat ? std::optional(stat->parent) : std::nullopt;
}

}  // namespace

void OpenDescriptors::update() {
  for (const Tid process : ProcDirectory("/proc").read_ids()) {
    if (known_.contains(process)) continue;
    if (known_.size() >= kMostProcesses) {
      some_not_seen_ = true;
      return;
    }
    known_.insert(process);
    if (const auto parent = read_parent(process)) children_.emplace(*parent, process);
    read_names(process);
    users_.clear();
  }
}

void OpenDescriptors::read_names(Tid process) {
  const ProcDirectory descriptors(proc_path(process, "fd"));
  const std::vector<Tid> numbers = descriptors.read_ids();
  // One whose first thread has ended shows none, though its other threads have them.
  const ProcDirectory tasks(proc_path(process, "task"));
  const bool is_hidden = numbers.empty() && tasks.read_ids().size() > 1;
  if (tasks.exists() && (!descriptors.exists() || is_hidden)) some_not_seen_ = true;
  for (const Tid number : numbers) {
    if (++looked_at_ > kMostLookedAt) {
      some_not_seen_ = true;
      return;
    }
    const std::string name = descriptors.read_link(fmt::format("{}", number.value));
    const Place place{process, number.value};
    if (name.starts_with('/')) {
      with_path_.push_back(place);
    } else if (const auto id = nameless_file_id(name)) {
      places_.emplace(*id, place);
    }
  }
}

void OpenDescriptors::identify() {
  for (const Place& place : with_path_) {
    const ProcDirectory directory(proc_path(place.process));
    const auto look = look_at_descriptor(directory, place.descriptor, mounts_);
    if (look && look->id) places_.emplace(*look->id, place);
  }
  with_path_.clear();
}

void OpenDescriptors::learn_mount(std::uint64_t id, std::uint64_t device) {
  mounts_.learn(id, device, "mqueue");
  const auto first = places_.lower_bound(FileId{kUnlistedMount | id, 0});
  const auto last = places_.upper_bound(FileId{kUnlistedMount | id, UINT64_MAX});
  const std::vector<std::pair<FileId, Place>> known(first, last);
  places_.erase(first, last);
  for (const auto& [file, place] : known) places_.emplace(FileId{device, file.inode}, place);
}

OpenDescriptors::Users OpenDescriptors::look_at_users(FileId file) {
  const bool has_path = file.device != 0;
  if (has_path) identify();
  Users found_users;
  const auto [first, last] = places_.equal_range(file);
  for (auto found = first; found != last; ++found) {
    const auto& [process, descriptor] = found->second;
    found_users.some_left_out =
        found_users.users.size() >= kMostTold || found_users.locks.size() >= kMostTold;
    if (found_users.some_left_out) break;
    const auto look = look_at_descriptor(ProcDirectory(proc_path(process)), descriptor, mounts_);
    if (!look || look->id != file) continue;
    found_users.users.push_back({.file = file,
                                 .process = process,
                                 .reads = look->facts.reads(),
                                 .writes = look->facts.writes()});
    for (HeldFileLock lock : look->facts.locks) {
      lock.file = file;
      lock.process = process;
      found_users.locks.push_back(lock);
    }
  }
  return found_users;
}

void OpenDescriptors::add_users(FileId file, KernelFacts& facts) {
  if (facts.users.size() >= kMostTold || facts.locks.size() >= kMostTold) {
    facts.some_not_seen = true;
    return;
  }
  const auto [entry, is_new] = users_.try_emplace(file);
  if (is_new) entry->second = look_at_users(file);
  const Users& known = entry->second;
  facts.users.insert(facts.users.end(), known.users.begin(), known.users.end());
  facts.locks.insert(facts.locks.end(), known.locks.begin(), known.locks.end());
  facts.some_not_seen = facts.some_not_seen || known.some_left_out;
}

std::vector<Tid> OpenDescriptors::find_children(Tid parent) const {
  std::vector<Tid> children;
  const auto [first, last] = children_.equal_range(parent);
  for (auto found = first; found != last && children.size() < kMostTold; ++found) {
    if (read_parent(found->second) == parent) children.push_back(found->second);
  }
  return children;
}

}  // namespace pstuck
