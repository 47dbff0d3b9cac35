#include "attach/open_files.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attach/sockets.h"

namespace pstuck {
namespace {

constexpr std::string_view kDeleted = " (deleted)";

/// Of files without a path. Linux names some of them with brackets and some without.
FileKind kind_of_nameless(std::string_view link) {
  constexpr std::pair<std::string_view, FileKind> kKinds[] = {
      {"anon_inode:[eventfd]", FileKind::kEventfd},   {"anon_inode:[timerfd]", FileKind::kTimerfd},
      {"anon_inode:[signalfd]", FileKind::kSignalfd}, {"anon_inode:[eventpoll]", FileKind::kEpoll},
      {"anon_inode:[io_uring]", FileKind::kIoUring},  {"anon_inode:[pidfd]", FileKind::kPidfd},
      {"anon_inode:inotify", FileKind::kInotify},
  };
  for (const auto& [text, kind] : kKinds) {
    if (link == text) return kind;
  }
  return FileKind::kOther;
}

/// Documentation/admin-guide/devices.txt.
bool is_terminal(dev_t device) {
  constexpr unsigned kTty = 4;
  constexpr unsigned kTtyAlternate = 5;
  constexpr unsigned kFirstPty = 136;
  constexpr unsigned kLastPty = 143;
  const unsigned major_number = major(device);
  return major_number == kTty || major_number == kTtyAlternate ||
         (major_number >= kFirstPty && major_number <= kLastPty);
}

bool is_message_queue(const std::string& path) {
  constexpr long kMqueueMagic = 0x19800202;  // ipc/mqueue.c
  struct statfs system {};
  return ::statfs(path.c_str(), &system) == 0 && system.f_type == kMqueueMagic;
}

FileKind kind_of(const struct stat& file, const std::string& path, std::string_view link) {
  if (link.starts_with("anon_inode:")) return kind_of_nameless(link);
  switch (file.st_mode & S_IFMT) {
    case S_IFREG:
      return is_message_queue(path) ? FileKind::kMessageQueue : FileKind::kRegular;
    case S_IFDIR:
      return FileKind::kDirectory;
    case S_IFIFO:
      return FileKind::kPipe;
    case S_IFSOCK:
      return FileKind::kSocket;
    case S_IFCHR:
      return is_terminal(file.st_rdev) ? FileKind::kTerminal : FileKind::kDevice;
    case S_IFBLK:
      return FileKind::kDevice;
    default:
      return FileKind::kOther;
  }
}

std::optional<SocketFacts> read_socket(int pidfd, std::int32_t descriptor) {
  if (pidfd < 0) return {};
  const Descriptor socket(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, descriptor, 0)));
  return socket.is_open() ? std::optional(read_socket_facts(socket.get())) : std::nullopt;
}

}  // namespace

std::optional<FileId> find_file_id(const ProcDirectory& process, std::int32_t descriptor) {
  struct stat file {};
  if (!process.read_status_of(fmt::format("fd/{}", descriptor), file)) return {};
  return FileId{file.st_dev, file.st_ino};
}

std::optional<OpenFile> read_open_file(const ProcDirectory& process, int pidfd,
                                       std::int32_t descriptor) {
  const std::string name = fmt::format("fd/{}", descriptor);
  struct stat status {};
  if (!process.read_status_of(name, status)) return {};
  OpenFile file{.descriptor = descriptor, .id = {status.st_dev, status.st_ino}};
  file.path = process.read_link(name);
  file.kind = kind_of(status, process.path_of(name), file.path);
  if (file.path.ends_with(kDeleted)) {
    file.deleted = true;
    file.path.resize(file.path.size() - kDeleted.size());
  }
  if (const auto text = process.read(fmt::format("fdinfo/{}", descriptor))) {
    const DescriptorFacts facts = parse_descriptor(*text);
    file.reads = facts.reads();
    file.writes = facts.writes();
    file.process = facts.process;
    file.watches = facts.watches;
  }
  if (file.process) file.kind = FileKind::kPidfd;
  if (file.kind == FileKind::kSocket) file.socket = read_socket(pidfd, descriptor);
  return file;
}

}  // namespace pstuck
