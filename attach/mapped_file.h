#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pstuck {

/// A regular file's bytes, mapped and so read only where they are touched. What is opened is never
/// a device or a pipe: a path that comes from a core may name anything.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// 0, or the errno that says why there are no bytes; EINVAL for what is no regular file.
  [[nodiscard]] int error() const { return error_; }

  /// Empty for an empty file and after an error. Stays where it is when the object is moved.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
  int error_ = 0;
};

}  // namespace pstuck
