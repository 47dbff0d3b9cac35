#pragma once

#include <memory>
#include <string>

#include "attach/descriptor.h"
#include "attach/memory.h"

namespace pstuck {

/// A file's bytes, addressed by their offset, read where they are asked for. A mapping would be as
/// fast, but one that is read all over counts as pstuck's own memory, and a file that is cut while
/// it is read, a bad disk or a full one would end pstuck.
class FileMemory final : public Memory {
 public:
  /// Opens nothing but a regular file: a path that comes from a core may name anything.
  explicit FileMemory(const std::string& path);
  /// `file` is a regular one.
  explicit FileMemory(Descriptor file);

  /// 0, or the errno that says why there are no bytes; EINVAL for what is no regular file.
  [[nodiscard]] int error() const { return error_; }
  /// 0 after an error.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  std::size_t read(Address from, std::span<std::byte> into) noexcept override;
  /// All but the holes of a sparse file.
  PresentMemory find_present(AddressRange range) override;

 private:
  struct Block {
    std::uint64_t number = UINT64_MAX;
    std::size_t size = 0;
  };

  void open(Descriptor file);
  std::size_t read_block(std::uint64_t from, std::span<std::byte> into) noexcept;

  static constexpr std::size_t kBlocks = 64;
  static constexpr std::size_t kBlockSize = 16 * 1024;

  Descriptor file_;
  std::uint64_t size_ = 0;
  int error_ = 0;
  std::array<Block, kBlocks> blocks_;
  std::unique_ptr<std::byte[]> bytes_;  // of the blocks
};

/// Memory that stands in pstuck's own, at addresses from 0 on.
class ByteMemory final : public Memory {
 public:
  /// `bytes` must outlive it.
  explicit ByteMemory(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t read(Address from, std::span<std::byte> into) noexcept override;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace pstuck
