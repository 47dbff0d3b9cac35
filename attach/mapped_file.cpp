#include "attach/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "attach/descriptor.h"

namespace pstuck {

MappedFile::MappedFile(const std::string& path) {
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
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open() || ::fstat(file.get(), &facts) != 0) {
    error_ = errno;
    return;
  }
  if (!S_ISREG(facts.st_mode)) error_ = EINVAL;
  if (error_ != 0 || facts.st_size <= 0) return;

  const auto size = static_cast<std::size_t>(facts.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
  if (mapped == MAP_FAILED) {
    error_ = errno;
    return;
  }
  bytes_ = {static_cast<const std::byte*>(mapped), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), error_(other.error_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(error_, other.error_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace pstuck
