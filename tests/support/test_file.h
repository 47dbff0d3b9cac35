#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "attach/descriptor.h"

namespace pstuck::testing {

/// A file with these bytes, in memory only.
class TestFile {
 public:
  explicit TestFile(const std::string& bytes) : file_(::memfd_create("test", MFD_CLOEXEC)) {
    if (::write(file_.get(), bytes.data(), bytes.size()) < 0) path_.clear();
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Descriptor file_;
  std::string path_ = "/proc/self/fd/" + std::to_string(file_.get());
};

}  // namespace pstuck::testing
