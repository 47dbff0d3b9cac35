#include "attach/open_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>

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

FileKind kind_of_mode(const struct stat& file) {
  switch (file.st_mode & S_IFMT) {
    case S_IFREG:
      return FileKind::kRegular;
    case S_IFDIR:
      return FileKind::kDirectory;
    case S_IFIFO:
      return FileKind::kPipe;
    case S_IFCHR:
      return is_terminal(file.st_rdev) ? FileKind::kTerminal : FileKind::kDevice;
    case S_IFBLK:
      return FileKind::kDevice;
    default:
      return FileKind::kOther;
  }
}

bool has_path(const DescriptorLook& look) { return look.path.starts_with('/'); }

/// A file with a path is asked itself only where that is sure to be answered: also following the
/// kernel's link to it can wait for a file server.
std::optional<struct stat> read_status(const ProcDirectory& process, std::int32_t descriptor,
                                       const DescriptorLook& look, Mounts& mounts) {
  struct stat status {};
  const bool may_ask = has_path(look) && look.mount != nullptr && mounts.is_local(*look.mount);
  if (!may_ask || !process.read_status_of(fmt::format("fd/{}", descriptor), status)) return {};
  return status;
}

FileKind kind_of(const DescriptorLook& look) {
  if (look.path.starts_with("pipe:[")) return FileKind::kPipe;
  if (look.path.starts_with("socket:[")) return FileKind::kSocket;
  if (look.path.starts_with("/memfd:")) return FileKind::kRegular;
  return kind_of_nameless(look.path);
}

constexpr std::string_view kTerminals = "devpts";

/// A terminal's file is called by its number, and has an inode number that goes with it:
/// fs/devpts/inode.c.
constexpr std::uint64_t kFirstTerminal = 3;

/// The file of the terminal whose master side this is.
std::optional<FileId> terminal_of(const ProcDirectory& process, const DescriptorLook& look) {
  if (!look.facts.master_of || look.mount == nullptr) return {};
  const auto device = look.mount->type == kTerminals ? std::optional(look.mount->device)
                                                     : Mounts::find_device(process, "/dev/pts");
  if (!device) return {};
  return FileId{*device, *look.facts.master_of + kFirstTerminal};
}

std::optional<FileId> other_side(const DescriptorLook& look) {
  if (!look.id || look.kind != FileKind::kTerminal || look.mount == nullptr) return {};
  const bool is_master = look.facts.master_of.has_value();
  const bool is_pseudo = is_master || look.mount->type == kTerminals;
  return is_pseudo ? std::optional(FileId{look.id->device, look.id->inode ^ kMasterSide})
                   : std::nullopt;
}

/// The number may stand for another file by now, though the set still has the first.
std::int32_t watched(const ProcDirectory& process, const EpollWatch& watch) {
  const auto text = process.read(fmt::format("fdinfo/{}", watch.descriptor));
  const auto inode = text ? parse_descriptor(*text).inode : std::nullopt;
  const bool is_another = !text || (inode && watch.inode != 0 && *inode != watch.inode);
  return is_another ? -1 : watch.descriptor;
}

std::optional<SocketFacts> read_socket(int pidfd, std::int32_t descriptor) {
  if (pidfd < 0) return {};
  const Descriptor socket = copy_descriptor(pidfd, descriptor);
  return socket.is_open() ? std::optional(read_socket_facts(socket.get())) : std::nullopt;
}

}  // namespace

std::optional<FileId> nameless_file_id(std::string_view name) {
  if (!name.starts_with("pipe:[") && !name.starts_with("socket:[")) return {};
  FileId id;
  const char* const end = name.data() + name.size();
  const char* const digits = name.data() + name.find('[') + 1;
  const auto read = std::from_chars(digits, end, id.inode);
  return read.ec == std::errc{} ? std::optional(id) : std::nullopt;
}

std::optional<DescriptorLook> look_at_descriptor(const ProcDirectory& process,
                                                 std::int32_t descriptor, Mounts& mounts) {
  DescriptorLook look{.path = process.read_link(fmt::format("fd/{}", descriptor))};
  const auto text = process.read(fmt::format("fdinfo/{}", descriptor));
  if (look.path.empty() || !text) return {};
  look.facts = parse_descriptor(*text);
  look.kind = kind_of(look);
  if (!has_path(look)) {
    look.id = nameless_file_id(look.path);
    return look;
  }
  if (look.facts.mount) look.mount = mounts.find(process, *look.facts.mount);
  if (const auto status = read_status(process, descriptor, look, mounts)) {
    look.kind = kind_of_mode(*status);
    look.id = FileId{status->st_dev, status->st_ino};
  } else if (look.mount != nullptr && look.facts.inode) {
    look.id = FileId{look.mount->device, *look.facts.inode};
  } else if (look.facts.mount && look.facts.inode) {
    look.id = FileId{kUnlistedMount | *look.facts.mount, *look.facts.inode};
  }
  if (look.facts.master_of) {
    look.id = terminal_of(process, look);
    if (look.id) look.id->inode |= kMasterSide;
  }
  if (look.path.ends_with(kDeleted)) {
    look.deleted = true;
    look.path.resize(look.path.size() - kDeleted.size());
  }
  return look;
}

std::optional<OpenFile> read_open_file(const ProcDirectory& process, int pidfd,
                                       std::int32_t descriptor, Mounts& mounts) {
  const auto look = look_at_descriptor(process, descriptor, mounts);
  if (!look) return {};
  OpenFile file{.descriptor = descriptor,
                .kind = look->kind,
                .id = look->id,
                .path = look->path,
                .deleted = look->deleted,
                .reads = look->facts.reads(),
                .writes = look->facts.writes(),
                .process = look->facts.process};
  for (const EpollWatch& watch : look->facts.watches) {
    file.watches.push_back(watched(process, watch));
  }
  if (file.process) file.kind = FileKind::kPidfd;
  file.other_end = file.kind == FileKind::kPipe ? file.id : other_side(*look);
  if (file.kind == FileKind::kSocket) file.socket = read_socket(pidfd, descriptor);
  return file;
}

}  // namespace pstuck
