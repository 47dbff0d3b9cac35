#include "attach/fork_parent.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pstuck {
namespace {

constexpr std::uint64_t kRandom = 25;  // AT_RANDOM of include/uapi/linux/auxvec.h
constexpr std::size_t kMostOfAuxv = 4096;

using RandomBytes = std::array<std::byte, 16>;

bool read_all(int memory, Address from, std::span<std::byte> into) {
  return read_at(memory, from.value, into) == into.size();
}

}  // namespace

std::optional<Address> parse_random_address(std::string_view auxv) {
  std::array<std::uint64_t, 2> entry{};
  for (; auxv.size() >= sizeof entry; auxv.remove_prefix(sizeof entry)) {
    std::memcpy(entry.data(), auxv.data(), sizeof entry);
    if (entry[0] == kRandom) return Address{entry[1]};
  }
  return {};
}

std::optional<ForkParent> ForkParent::find(const ProcDirectory& process, Memory& memory,
                                           Tid parent) {
  if (parent.value <= 0) return {};
  const ProcDirectory directory(proc_path(parent));
  const auto at = parse_random_address(process.read("auxv", kMostOfAuxv).value_or(""));
  if (!at || at != parse_random_address(directory.read("auxv", kMostOfAuxv).value_or(""))) {
    return {};
  }
  ForkParent found;
  found.memory_ = Descriptor(::open(proc_path(parent, "mem").c_str(), O_RDONLY | O_CLOEXEC));
  const auto own = memory.read_object<RandomBytes>(*at);
  RandomBytes others{};
  if (!own || !found.memory_.is_open() || !read_all(found.memory_.get(), *at, others) ||
      *own != others) {
    return {};
  }
  const auto stat = parse_stat(directory.read("stat").value_or(""));
  found.facts_ = {.pid = parent,
                  .name = stat ? stat->name : std::string(),
                  .command_line = parse_command_line(directory.read("cmdline").value_or(""))};
  found.mappings_ = parse_maps(directory.read("maps").value_or(""));
  return found;
}

bool ForkParent::read(Address from, std::span<std::byte> into) const {
  const auto behind = std::ranges::upper_bound(mappings_, from, {}, &Mapping::start);
  if (behind == mappings_.begin()) return false;
  const Mapping& mapping = *std::prev(behind);
  if (from >= mapping.end || mapping.shared) return false;
  return read_all(memory_.get(), from, into);
}

}  // namespace pstuck
