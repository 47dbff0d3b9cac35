#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "attach/descriptor.h"

namespace pstuck {

/// Bytes that come one after the other.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  /// Fills `into` as far as there are bytes; less only at the end. Never throws.
  virtual std::size_t read(std::span<std::byte> into) = 0;

  /// Why the end came before all had been read; empty when it did not.
  [[nodiscard]] virtual std::string failure() const = 0;
};

/// What a file, pipe or terminal gives from where it stands.
class DescriptorStream final : public ByteStream {
 public:
  explicit DescriptorStream(Descriptor file) : file_(std::move(file)) {}
  std::size_t read(std::span<std::byte> into) override;
  [[nodiscard]] std::string failure() const override;

 private:
  Descriptor file_;
  int error_ = 0;
};

}  // namespace pstuck
