#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/elf_bytes.h"

namespace pstuck::testing {

/// A file that is gone with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Bytes& bytes) : file_(::memfd_create("core", MFD_CLOEXEC)) {
    EXPECT_EQ(::write(file_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~TemporaryFile() { ::close(file_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace pstuck::testing
