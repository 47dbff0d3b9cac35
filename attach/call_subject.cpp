#include "attach/call_subject.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <string_view>

#include "attach/sockets.h"

namespace pstuck {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

constexpr std::uint64_t kMostPolled = 1 << 20;
constexpr std::uint64_t kPrivateFutex = 128;  // FUTEX_PRIVATE_FLAG
constexpr std::size_t kBitsInSet = 1024;      // FD_SETSIZE

std::int32_t number_of(std::uint64_t argument) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(argument));
}

void add(std::int32_t descriptor, CallSubject& subject) {
  if (descriptor < 0 ||
      std::ranges::find(subject.descriptors, descriptor) != subject.descriptors.end()) {
    return;
  }
  if (subject.descriptors.size() == kMostDescriptors) {
    subject.more_descriptors = true;
    return;
  }
  subject.descriptors.push_back(descriptor);
}

/// struct pollfd: include/uapi/asm-generic/poll.h.
struct PollEntry {
  std::int32_t descriptor;
  std::int16_t events;
  std::int16_t returned;
};

void add_polled(Address array, std::uint64_t count, Memory& memory, CallSubject& subject) {
  if (count > kMostPolled) return;
  std::vector<PollEntry> entries(std::min<std::uint64_t>(count, kMostDescriptors));
  const std::size_t read = memory.read(array, std::as_writable_bytes(std::span(entries)));
  entries.resize(read / sizeof(PollEntry));
  for (const PollEntry& entry : entries) add(entry.descriptor, subject);
  subject.more_descriptors = subject.more_descriptors || count > kMostDescriptors;
}

void add_selected(std::uint64_t count, Address set, Memory& memory, CallSubject& subject) {
  if (set.value == 0) return;
  std::array<std::uint64_t, kBitsInSet / 64> words{};
  const std::size_t bits = std::min<std::uint64_t>(count, kBitsInSet);
  const std::size_t bytes = (bits + 63) / 64 * sizeof(std::uint64_t);
  if (memory.read(set, std::as_writable_bytes(std::span(words)).first(bytes)) != bytes) return;
  for (std::size_t bit = 0; bit < bits; ++bit) {
    if ((words[bit / 64] >> (bit % 64) & 1U) != 0) add(static_cast<std::int32_t>(bit), subject);
  }
}

/// wait4 has the id first, waitid says before what it is.
void set_child(std::int64_t number, const Arguments& arguments, CallSubject& subject) {
  if (number == SYS_wait4) {
    const std::int32_t id = number_of(arguments[0]);
    if (id > 0) subject.child = Tid{id};
    constexpr std::int32_t kAnyChild = -1;
    if (id == 0 || id < kAnyChild) subject.group = id == INT32_MIN ? 0 : -id;
    return;
  }
  const std::int32_t id = number_of(arguments[1]);
  if (arguments[0] == P_PID) subject.child = Tid{id};
  if (arguments[0] == P_PGID) subject.group = id;
  if (arguments[0] == P_PIDFD) add(id, subject);
}

/// Whether fcntl waits: for a lock of a part of a file.
bool take_fcntl(const Arguments& arguments, Memory& memory, CallSubject& subject) {
  const std::uint64_t command = arguments[1];
  if (command != F_SETLKW && command != F_OFD_SETLKW) return false;
  subject.is_of_process = command == F_SETLKW;
  const auto wanted = memory.read_object<struct flock>({arguments[2]});
  if (!wanted) return true;
  subject.exclusive = wanted->l_type == F_WRLCK;
  if (wanted->l_whence == SEEK_SET && wanted->l_start >= 0 && wanted->l_len >= 0) {
    const auto start = static_cast<std::uint64_t>(wanted->l_start);
    const auto length = static_cast<std::uint64_t>(wanted->l_len);
    subject.bytes = {start, length == 0 ? UINT64_MAX : start + length - 1};
  }
  return true;
}

std::string read_address(Address at, std::uint64_t size, Memory& memory) {
  std::array<std::byte, 128> bytes{};
  const std::span part = std::span(bytes).first(std::min<std::uint64_t>(size, bytes.size()));
  return memory.read(at, part) == part.size() ? socket_address_words(part) : "";
}

std::string read_path(Address at, Memory& memory) {
  std::array<char, 1024> text{};
  const std::size_t read = memory.read(at, std::as_writable_bytes(std::span(text)));
  const std::string_view path(text.data(), read);
  return std::string(path.substr(0, path.find('\0')));
}

/// A relative path begins at the descriptor, or at the directory that the process is in.
void set_open(std::int64_t number, const Arguments& arguments, Memory& memory,
              CallSubject& subject) {
  const std::size_t path = number == SYS_openat ? 1 : 0;
  subject.path = read_path({arguments[path]}, memory);
  if (number == SYS_openat && !subject.path.starts_with('/')) add(number_of(arguments[0]), subject);
  const std::uint64_t access = arguments[path + 1] & O_ACCMODE;
  subject.reads = access != O_WRONLY;
  subject.writes = access != O_RDONLY;
}

/// Which of several operations has to wait is not known.
void set_semaphores(const Arguments& arguments, Memory& memory, CallSubject& subject) {
  subject.id = number_of(arguments[0]);
  if (arguments[2] != 1) return;
  if (const auto operation = memory.read_object<sembuf>({arguments[1]})) {
    subject.semaphore = operation->sem_num;
  }
}

/// sendfile has the file to write first, splice has each file's offset behind it.
void set_transfer(std::int64_t number, const Arguments& arguments, CallSubject& subject) {
  const std::int32_t second = number_of(arguments[number == SYS_splice ? 2 : 1]);
  add(number == SYS_sendfile ? second : number_of(arguments[0]), subject);
  add(number == SYS_sendfile ? number_of(arguments[0]) : second, subject);
}

bool has_descriptor_first(CallAct act) {
  switch (act) {
    case CallAct::kRead:
    case CallAct::kWrite:
    case CallAct::kAccept:
    case CallAct::kConnect:
    case CallAct::kEpoll:
    case CallAct::kFlock:
    case CallAct::kFcntl:
    case CallAct::kDevice:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<CallSubject> find_call_subject(std::int64_t number, const Arguments& arguments,
                                             Memory& memory) {
  const BlockingCall* const call = find_blocking_call(number);
  if (call == nullptr) return {};
  CallSubject subject{.act = call->act};
  if (has_descriptor_first(call->act)) add(number_of(arguments[0]), subject);
  subject.of_queue = number == SYS_mq_timedsend || number == SYS_mq_timedreceive;
  switch (call->act) {
    case CallAct::kTransfer:
      set_transfer(number, arguments, subject);
      break;
    case CallAct::kPoll:
      add_polled({arguments[0]}, arguments[1], memory, subject);
      break;
    case CallAct::kSelect:
      for (const std::size_t set : {1U, 2U, 3U}) {
        add_selected(arguments[0], {arguments[set]}, memory, subject);
      }
      break;
    case CallAct::kSync:
      if (number != SYS_msync) add(number_of(arguments[0]), subject);
      break;
    case CallAct::kConnect:
      subject.address = read_address({arguments[1]}, arguments[2], memory);
      break;
    case CallAct::kRestart:
      // A futex call can be one too: its operation is no count.
      if (arguments[1] < kPrivateFutex) add_polled({arguments[0]}, arguments[1], memory, subject);
      break;
    case CallAct::kOpen:
      set_open(number, arguments, memory, subject);
      break;
    case CallAct::kEvents:
      if (number == SYS_io_uring_enter) add(number_of(arguments[0]), subject);
      break;
    case CallAct::kChild:
      set_child(number, arguments, subject);
      break;
    case CallAct::kFlock:
      subject.exclusive = (arguments[1] & LOCK_EX) != 0;
      break;
    case CallAct::kFcntl:
      if (!take_fcntl(arguments, memory, subject)) return {};
      break;
    case CallAct::kSemaphores:
      set_semaphores(arguments, memory, subject);
      break;
    case CallAct::kSendMessage:
    case CallAct::kGetMessage:
      subject.id = number_of(arguments[0]);
      break;
    default:
      break;
  }
  return subject;
}

}  // namespace pstuck
