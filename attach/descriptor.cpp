#include "attach/descriptor.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>

namespace pstuck {

Descriptor copy_descriptor(int pidfd, int descriptor) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, descriptor, 0)));
}

Descriptor open_pidfd(Tid process) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.value, 0)));
}

std::optional<PipeEnds> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return PipeEnds{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::size_t read_at(int descriptor, std::uint64_t from, std::span<std::byte> into) noexcept {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(descriptor, into.data() + done, into.size() - done,
                                static_cast<off_t>(from + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace pstuck
