#include "attach/byte_stream.h"

#include <cerrno>
#include <cstring>

namespace pstuck {

std::size_t DescriptorStream::read(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size() && error_ == 0) {
    const ssize_t got = ::read(file_.get(), into.data() + done, into.size() - done);
    if (got == 0) break;
    if (got > 0) done += static_cast<std::size_t>(got);
    if (got < 0 && errno != EINTR) error_ = errno;
  }
  return done;
}

std::string DescriptorStream::failure() const {
  return error_ == 0 ? std::string() : std::strerror(error_);
}

}  // namespace pstuck
