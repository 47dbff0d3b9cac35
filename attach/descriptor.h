#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "attach/ids.h"

namespace pstuck {

/// Owns a file descriptor of pstuck's own.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// A copy of another process's descriptor; not open where the kernel gives none.
Descriptor copy_descriptor(int pidfd, int descriptor);

/// Not open where there is no such process; errno says why.
Descriptor open_pidfd(Tid process);

struct PipeEnds {
  Descriptor read_end;
  Descriptor write_end;
};

/// Closed by exec. None where there can be no more; errno says why.
std::optional<PipeEnds> open_pipe();

/// Bytes of a file, or of a process's memory through its "mem" file: as many as can be read.
std::size_t read_at(int descriptor, std::uint64_t from, std::span<std::byte> into) noexcept;

}  // namespace pstuck
