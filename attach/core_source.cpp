#include "attach/core_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "attach/error.h"
#include "attach/spool.h"
#include "attach/unpack.h"

namespace pstuck {
namespace {

constexpr std::size_t kBeginningSize = 512;

[[noreturn]] void throw_unreadable(const std::string& name, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw Error(ErrorKind::kUnreadable, fmt::format("there is no file {}", name), kWhatIsNeeded);
    case EISDIR:
      throw Error(ErrorKind::kNotACore, fmt::format("{} is a directory", name), kWhatIsNeeded);
    case EACCES:
    case EPERM:
      throw Error(ErrorKind::kUnreadable, fmt::format("not permitted to read {}", name),
                  "run pstuck as the user who owns the file, or as root");
    default:
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("cannot read {}: {}", name, std::strerror(error)), kWhatIsNeeded);
  }
}

/// What the user names may be a pipe too, such as the shell makes for <(zcat core.gz). Opening a
/// device can act, and reading a terminal waits for someone to type a core.
void check_kind(const std::string& name, const struct stat& facts, int file) {
  if (S_ISDIR(facts.st_mode)) throw_unreadable(name, EISDIR);
  if (file >= 0 && ::isatty(file) == 1) {
    throw Error(ErrorKind::kUsage, fmt::format("{} is a terminal", name),
                "pass a core: pstuck - < core");
  }
  if (S_ISREG(facts.st_mode) || S_ISFIFO(facts.st_mode) || S_ISSOCK(facts.st_mode)) return;
  throw Error(ErrorKind::kNotACore, fmt::format("{} is neither a file nor a pipe", name),
              kWhatIsNeeded);
}

struct Opened {
  Descriptor file;
  struct stat facts {};
  bool is_at_start = true;
};

Opened open_input(const std::string& path, const std::string& name) {
  Opened opened;
  if (path == "-") {
    opened.file = Descriptor(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    opened.is_at_start = ::lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
  } else {
    if (::stat(path.c_str(), &opened.facts) != 0) throw_unreadable(name, errno);
    check_kind(name, opened.facts, -1);
    opened.file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  }
  if (!opened.file.is_open() || ::fstat(opened.file.get(), &opened.facts) != 0) {
    throw_unreadable(name, errno);
  }
  check_kind(name, opened.facts, opened.file.get());
  return opened;
}

/// The stream's first bytes.
std::span<const std::byte> read_beginning(ByteStream& stream, std::span<std::byte> buffer) {
  return buffer.first(stream.read(buffer));
}

[[noreturn]] void throw_damaged(const std::string& name, const std::string& damage) {
  throw Error(ErrorKind::kUnreadable,
              fmt::format("{} is damaged from its beginning on ({})", name, damage),
              "copy it anew, or dump again: gcore PID");
}

SpoolProgress in_mebibytes(const CoreProgress& progress, std::size_t total,
                           const UnpackedStream* unpacked) {
  if (!progress) return {};
  return [=](std::uint64_t written) {
    const std::uint64_t done = unpacked ? unpacked->packed_bytes() : written;
    progress(static_cast<std::size_t>(done) >> 20, total);
  };
}

}  // namespace

CoreSource open_core_source(const std::string& path, const CoreCheck& check,
                            const CoreProgress& progress) {
  CoreSource source{.name = path == "-" ? "standard input" : path};
  Opened opened = open_input(path, source.name);
  const bool is_file = S_ISREG(opened.facts.st_mode);
  const std::size_t total = is_file ? static_cast<std::size_t>(opened.facts.st_size) >> 20 : 0;
  const int file = opened.file.get();
  std::unique_ptr<ByteStream> stream = std::make_unique<DescriptorStream>(std::move(opened.file));
  std::array<std::byte, kBeginningSize> buffer;
  auto beginning = read_beginning(*stream, buffer);

  const std::string_view compression = find_compression(beginning);
  const UnpackedStream* unpacked = nullptr;
  if (!compression.empty()) {
    std::unique_ptr<UnpackedStream> unpacking = unpack(beginning, std::move(stream));
    unpacked = unpacking.get();
    stream = std::move(unpacking);
    beginning = read_beginning(*stream, buffer);
    if (beginning.empty() && !stream->failure().empty()) {
      throw_damaged(source.name, stream->failure());
    }
    source.name += fmt::format(" (unpacked with {})", compression);
  }
  check(source.name, beginning);
  if (is_file && opened.is_at_start && compression.empty()) {
    source.bytes = std::make_unique<FileMemory>(Descriptor(::fcntl(file, F_DUPFD_CLOEXEC, 0)));
  } else {
    source.bytes = std::make_unique<FileMemory>(
        spool(beginning, *stream, source.name, in_mebibytes(progress, total, unpacked)));
  }
  source.damage = stream->failure();
  return source;
}

}  // namespace pstuck
