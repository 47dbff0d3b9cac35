#pragma once

/// What the calls that a target's threads sleep in are about, as the kernel tells it. Plain data;
/// everything in it may come from a hostile process.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/ids.h"

namespace pstuck {

enum class FileKind {
  kRegular,
  kDirectory,
  kPipe,  ///< also a FIFO, which has a path
  kSocket,
  kTerminal,
  kDevice,
  kEventfd,
  kTimerfd,
  kSignalfd,
  kInotify,
  kEpoll,
  kPidfd,
  kIoUring,
  kMessageQueue,  ///< of POSIX
  kOther,
};

/// The kernel's own identity of a file: what st_dev and st_ino say; device 0 for pipes and sockets.
/// Files of mounts that are not in a process's mount namespace, as the kernel's own for message
/// queues, have the mount's number with kUnlistedMount added.
/// The master sides of pseudo-terminals, which share one inode, have that of the terminal with
/// kMasterSide added.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend constexpr auto operator<=>(FileId, FileId) = default;
};

struct SocketFacts {
  std::string protocol;  ///< "TCP", "UDP", "Unix", "netlink", "family 40"
  std::string local;     ///< "10.0.0.7:43122", "[::1]:80", "/run/x.sock", "@abstract"; may be empty
  std::string remote;
  std::string state;                    ///< of TCP: "ESTABLISHED", "SYN_SENT", "LISTEN"; else empty
  std::optional<std::uint32_t> unread;  ///< bytes that have come and were not read
  std::optional<std::uint32_t> unsent;  ///< bytes that were written and have not gone
  /// Id of the process that set up the other end of a Unix socket. It may have left it to another,
  /// and be gone.
  std::optional<Tid> peer;
  /// Nobody has accepted the connection yet: the file's other end is the socket that listens.
  bool pending = false;
  std::optional<std::chrono::nanoseconds> receive_timeout;  ///< SO_RCVTIMEO; none: no limit
  std::optional<std::chrono::nanoseconds> send_timeout;     ///< SO_SNDTIMEO, also of connect
};

inline constexpr std::uint64_t kMasterSide = 1ULL << 63;
inline constexpr std::uint64_t kUnlistedMount = 1ULL << 63;

/// A descriptor of the target that a blocked call names, or that is in an epoll set.
struct OpenFile {
  std::int32_t descriptor = -1;
  FileKind kind = FileKind::kOther;
  std::optional<FileId> id;  ///< none where it cannot be told from other files
  /// The file through which others act on this one: a pipe itself, the other end of a socket, the
  /// other side of a terminal. None where that is not on this machine, or not known.
  std::optional<FileId> other_end;
  std::string path;  ///< what /proc/PID/fd shows: "/var/log/x", "pipe:[123]"
  bool deleted = false;
  bool reads = false;   ///< it was opened to read
  bool writes = false;  ///< it was opened to write
  std::optional<SocketFacts> socket;
  std::optional<Tid> process;  ///< that a pidfd stands for, as pstuck counts
  /// Descriptors in an epoll set; -1: one that is another file by now.
  std::vector<std::int32_t> watches;
};

enum class FileLockKind {
  kFlock,
  kPosix,     ///< fcntl's: belongs to a process
  kOpenFile,  ///< F_OFD_SETLK's: belongs to an open file
};

/// A lock that a process has through one of its descriptors.
struct HeldFileLock {
  FileId file;
  Tid process;
  FileLockKind kind = FileLockKind::kFlock;
  bool exclusive = false;
  std::uint64_t start = 0;
  std::uint64_t last = 0;  ///< the largest number: to the end

  friend auto operator<=>(const HeldFileLock&, const HeldFileLock&) = default;
};

/// A process that has a file of a blocked call open.
struct FileUser {
  FileId file;
  Tid process;
  bool reads = false;
  bool writes = false;

  friend auto operator<=>(const FileUser&, const FileUser&) = default;
};

/// A process that the target has to do with: a child, or the other end of something.
struct OtherProcess {
  Tid pid;  ///< as pstuck's own PID namespace counts
  Tid parent;
  Tid pid_in_target;  ///< as the target's PID namespace counts; 0: it is not in that
  std::string name;
  std::vector<std::string> command_line;
  char state = '?';           ///< of its first thread, as in proc(5)
  std::int64_t syscall = -1;  ///< of its first thread; -1: in none, or not known
};

/// A file that a thread waits to open.
struct FileToOpen {
  Tid thread;
  FileKind kind = FileKind::kOther;
  FileId id;
  /// Processes that may come to open it, where nobody has it open: FifoOpeners.
  std::vector<Tid> likely_openers;
};

/// One of a set of System V semaphores that somebody waits for.
struct SemaphoreFacts {
  std::int32_t set = 0;
  std::uint32_t number = 0;
  std::uint32_t value = 0;
  std::uint32_t wait_for_more = 0;  ///< how many wait that it rises …
  std::uint32_t wait_for_zero = 0;  ///< … and that it is 0
  std::optional<Tid> last;          ///< process that changed it last; it may be gone
};

/// A message queue of System V.
struct QueueFacts {
  std::int32_t id = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t most_bytes = 0;
  std::optional<Tid> last_sender;  ///< processes, which may be gone
  std::optional<Tid> last_receiver;
};

struct KernelFacts {
  std::vector<OpenFile> files;      ///< ascending by descriptor
  std::vector<FileUser> users;      ///< of the files' other ends
  std::vector<HeldFileLock> locks;  ///< of files for whose locks threads wait
  std::vector<FileToOpen> to_open;
  std::vector<SemaphoreFacts> semaphores;
  std::vector<QueueFacts> queues;
  std::string frozen_group;  ///< control group that is frozen, and the target with it; else empty
  std::vector<OtherProcess> processes;  ///< ascending by pid; the target is not one of them
  std::vector<Tid> moved;               ///< threads that woke while this was read; ascending
  bool some_not_seen = false;           ///< descriptors of some processes could not be read
};

}  // namespace pstuck
