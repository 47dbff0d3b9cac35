#include "attach/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "attach/error.h"
#include "attach/file_size_limit.h"

namespace pstuck {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kBufferSize = 1 << 20;

// More address space than any core has: a stream without end has to end somewhere.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

constexpr std::uint64_t kLookAtRoomEvery = 64 << 20;
constexpr std::uint64_t kPartLeftToOthers = 20;  // a twentieth

bool is_zero(std::span<const std::byte> page) {
  // Each byte is the one before it, and the first is zero.
  return page.front() == std::byte{0} &&
         std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

std::string temporary_directory() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen && *chosen != '\0' ? chosen : "/var/tmp";
}

class Spool {
 public:
  explicit Spool(const std::string& name) : name_(name), directory_(temporary_directory()) {
    file_ = Descriptor(
        ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file_.is_open() && (errno == EOPNOTSUPP || errno == EISDIR)) make_and_unlink();
    if (!file_.is_open()) fail(errno);
  }

  void append(std::span<const std::byte> bytes) {
    if (size_ + bytes.size() > kMostBytes) {
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("{} has more than {} MiB", name_, size_ >> 20),
                  "a stream without an end is no core");
    }
    const std::uint64_t end = size_ + bytes.size();
    while (!bytes.empty()) {
      const std::size_t hole = count_pages(bytes, true);
      size_ += hole;
      bytes = bytes.subspan(hole);
      const std::size_t data = count_pages(bytes, false);
      write(bytes.first(data));
      bytes = bytes.subspan(data);
    }
    size_ = end;
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// What ends in a hole gets its length.
  Descriptor finish() && {
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) fail(errno);
    return std::move(file_);
  }

 private:
  /// For file systems that know no files without names.
  void make_and_unlink() {
    std::string path = directory_ + "/pstuck-XXXXXX";
    file_ = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
    if (file_.is_open()) ::unlink(path.c_str());
  }

  /// The bytes of the leading pages that are all zeros, or are not.
  static std::size_t count_pages(std::span<const std::byte> bytes, bool zeros) {
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::span page = bytes.subspan(at, std::min(kPage, bytes.size() - at));
      if (is_zero(page) != zeros) break;
      at += page.size();
    }
    return at;
  }

  void write(std::span<const std::byte> bytes) {
    written_ += bytes.size();
    if (written_ >= look_at_room_at_) look_at_room();
    while (!bytes.empty()) {
      const ssize_t done =
          ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(errno);
      size_ += static_cast<std::uint64_t>(done);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }

  void look_at_room() {
    look_at_room_at_ = written_ + kLookAtRoomEvery;
    struct statvfs facts {};
    if (::fstatvfs(file_.get(), &facts) != 0) return;
    if (facts.f_bavail < facts.f_blocks / kPartLeftToOthers) fail(ENOSPC);
  }

  [[noreturn]] void fail(int error) const {
    constexpr auto kHint = "set TMPDIR to a directory that has room for all of it";
    if (error == EFBIG) {
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("{} is too large for a file here: it has more than {} MiB", name_,
                              size_ >> 20),
                  "raise the limit on the size of files: ulimit -f unlimited");
    }
    if (error == ENOSPC || error == EDQUOT) {
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("there is no room left for {} in {} after {} MiB of it", name_,
                              directory_, size_ >> 20),
                  kHint);
    }
    throw Error(ErrorKind::kUnreadable,
                fmt::format("cannot keep {} in {}: {}", name_, directory_, std::strerror(error)),
                kHint);
  }

  const std::string& name_;
  std::string directory_;
  FileSizeLimit limit_;
  Descriptor file_;
  std::uint64_t size_ = 0;     // with the holes
  std::uint64_t written_ = 0;  // without
  std::uint64_t look_at_room_at_ = 0;
};

}  // namespace

Descriptor spool(std::span<const std::byte> beginning, ByteStream& from, const std::string& name,
                 const SpoolProgress& progress) {
  Spool into(name);
  std::vector<std::byte> buffer(kBufferSize);
  std::ranges::copy(beginning, buffer.begin());
  // Whole buffers, so that their pages are those of the file.
  std::size_t filled = beginning.size() + from.read(std::span(buffer).subspan(beginning.size()));
  while (filled > 0) {
    into.append(std::span(buffer).first(filled));
    if (progress) progress(into.size());
    filled = from.read(buffer);
  }
  return std::move(into).finish();
}

}  // namespace pstuck
