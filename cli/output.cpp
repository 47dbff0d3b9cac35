#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "attach/descriptor.h"
#include "attach/error.h"
#include "attach/file_size_limit.h"

namespace pstuck {
namespace {

[[noreturn]] void fail(const std::string& name, int reason) {
  throw Error(ErrorKind::kOutput, fmt::format("cannot write {}: {}", name, std::strerror(reason)),
              reason == ENOSPC ? "write it to another disk with -o FILE"
                               : "choose another file with -o FILE");
}

void write_all(int descriptor, std::string_view text, const std::string& name) {
  const FileSizeLimit limit;
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(name, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool is_device_or_pipe(const std::string& path) {
  struct stat file {};
  return ::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode);
}

}  // namespace

void write_output(const std::string& path, const std::string& text, FileAccess access) {
  if (path.empty() || path == "-") return write_all(STDOUT_FILENO, text, "standard output");
  if (is_device_or_pipe(path)) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) fail(path, errno);
    return write_all(file.get(), text, path);
  }
  const std::string unfinished = fmt::format("{}.{}.tmp", path, ::getpid());
  const mode_t mode = access == FileAccess::kOwnerOnly ? 0600 : 0666;
  const Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.is_open()) fail(path, errno);
  try {
    write_all(file.get(), text, path);
    if (::rename(unfinished.c_str(), path.c_str()) != 0) fail(path, errno);
  } catch (...) {
    ::unlink(unfinished.c_str());
    throw;
  }
}

}  // namespace pstuck
