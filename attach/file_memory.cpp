#include "attach/file_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace pstuck {
FileMemory::FileMemory(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    error_ = errno;
    return;
  }
  // Opening alone can act: a tape rewinds, a watchdog starts, a pipe blocks.
  if (!S_ISREG(facts.st_mode)) {
    error_ = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    return;
  }
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    error_ = errno;
    return;
  }
  open(std::move(file));
}

FileMemory::FileMemory(Descriptor file) { open(std::move(file)); }

void FileMemory::open(Descriptor file) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) {
    error_ = errno;
    return;
  }
  if (!S_ISREG(facts.st_mode)) {
    error_ = EINVAL;
    return;
  }
  file_ = std::move(file);
  size_ = static_cast<std::uint64_t>(std::max<off_t>(facts.st_size, 0));
  bytes_.reset(new std::byte[kBlocks * kBlockSize]);  // not written, and so no memory yet
}

std::size_t FileMemory::read(Address from, std::span<std::byte> into) noexcept {
  std::size_t done = 0;
  while (done < into.size() && from.value < size_ && done < size_ - from.value) {
    const std::span<std::byte> rest = into.subspan(done);
    const std::size_t got = rest.size() >= kBlockSize
                                ? read_at(file_.get(), from.value + done, rest)
                                : read_block(from.value + done, rest);
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::size_t FileMemory::read_block(std::uint64_t from, std::span<std::byte> into) noexcept {
  const std::uint64_t number = from / kBlockSize;
  const std::size_t slot = number % kBlocks;
  const std::span<std::byte> bytes(bytes_.get() + slot * kBlockSize, kBlockSize);
  if (blocks_[slot].number != number) {
    blocks_[slot] = {number, read_at(file_.get(), number * kBlockSize, bytes)};
  }
  const std::size_t skip = from % kBlockSize;
  if (skip >= blocks_[slot].size) return 0;
  const std::size_t count = std::min(into.size(), blocks_[slot].size - skip);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(skip), count, into.begin());
  return count;
}

PresentMemory FileMemory::find_present(AddressRange range) {
  PresentMemory present;
  const std::uint64_t end = std::min(range.end.value, size_);
  for (std::uint64_t at = range.start.value; at < end;) {
    const off_t data = ::lseek(file_.get(), static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    if (data < 0) return {.ranges = {{{at}, {end}}}};
    const off_t hole = ::lseek(file_.get(), data, SEEK_HOLE);
    const std::uint64_t start = static_cast<std::uint64_t>(data);
    at = hole < 0 ? end : std::min(static_cast<std::uint64_t>(hole), end);
    if (start < at) present.ranges.push_back({{start}, {at}});
    if (start >= end) break;
  }
  return present;
}

std::size_t ByteMemory::read(Address from, std::span<std::byte> into) noexcept {
  if (from.value >= bytes_.size()) return 0;
  const std::size_t count = std::min(into.size(), bytes_.size() - from.value);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(from.value), count, into.begin());
  return count;
}

}  // namespace pstuck
