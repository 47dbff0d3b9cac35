// The holder of a lock is not deadlocked on a lock at all: it refreshes a cache from somewhere, and
// that is where it hangs. The chain of waits ends outside the process, and pstuck says where.
//
//     3 × request ──want──▶ g_cache ──held by──▶ holder ──▶ a server, a socket or a terminal on
//                                                          which its child is silent, a full pipe
//                                                          that its child does not read, a file
//                                                          lock that its child has, its child's
//                                                          end, a FIFO, a semaphore, a queue
//
// Run with: tcp pair terminal write sendfile flock fcntl child open semaphore queue posix_queue
// pstuck: in recvfrom for data from TCP 127.0.0.1:
// pstuck: in recvfrom for data from a Unix socket, which only helper
// pstuck: in read for data from terminal /dev/pts/
// pstuck: in write for room in a pipe, which only helper
// pstuck: in sendfile to copy from /memfd:page (deleted) to a Unix socket, which only helper
// pstuck: in flock for an exclusive lock of /tmp/pstuck-sample-
// pstuck: in fcntl for an exclusive lock of /tmp/pstuck-sample-
// pstuck: in wait4 for the child helper
// pstuck: in openat to open FIFO /tmp/pstuck-sample-
// pstuck: in semop for System V semaphore 0 of set
// pstuck: in msgsnd for room in System V message queue
// pstuck: in mq_timedreceive for data from POSIX message queue /pstuck-sample-

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <mutex>
#include <string>
#include <vector>

#include "sample.h"

struct Story {
  const char* call;
  long number;
  const char* act;  // as the JSON report has it, and the kind of file
  const char* file;
};

constexpr Story kStories[] = {
    {"tcp", SYS_recvfrom, "read", "socket"},
    {"pair", SYS_recvfrom, "read", "socket"},
    {"terminal", SYS_read, "read", "terminal"},
    {"write", SYS_write, "write", "pipe"},
    {"sendfile", SYS_sendfile, "transfer", "regular"},
    {"flock", SYS_flock, "flock", "regular"},
    {"fcntl", SYS_fcntl, "fcntl_lock", "regular"},
    {"child", SYS_wait4, "child", "none"},
    {"open", SYS_openat, "open", "none"},
    {"semaphore", SYS_semop, "sysv_semaphores", "none"},
    {"queue", SYS_msgsnd, "send_message", "none"},
    {"posix_queue", SYS_mq_timedreceive, "read", "message_queue"},
};

std::mutex g_cache;
int entries = 0;

std::string temporary_path() { return "/tmp/pstuck-sample-" + std::to_string(getpid()); }

/// Leads to an open file, also when that has no path any more.
std::string path_of(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

/// A child that does nothing, and ends with its parent.
[[noreturn]] void help() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "helper");
  while (true) pause();
}

pid_t start_helper() {
  const pid_t child = fork();
  if (child == 0) help();
  return child;
}

struct Errand {
  int descriptor = -1;
  pid_t helper = 0;
};

/// A helper has the other end, and alone.
Errand share_with_helper(int own, int others) {
  const pid_t helper = start_helper();
  close(others);
  return {own, helper};
}

Errand connect_to_silent_server() {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), size) != 0) std::_Exit(1);
  listen(server, 1);
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, reinterpret_cast<sockaddr*>(&address), size) != 0) std::_Exit(1);
  return share_with_helper(client, accept(server, nullptr, nullptr));
}

Errand open_silent_terminal() {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (unlockpt(master) != 0) std::_Exit(1);
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  return share_with_helper(terminal, master);
}

/// Makes ready what the holder will hang in; forks while there are no threads.
Errand prepare(const std::string& call) {
  if (call == "tcp") return connect_to_silent_server();
  if (call == "terminal") return open_silent_terminal();
  if (call == "child") return {-1, start_helper()};
  if (call == "open") {
    mkfifo(temporary_path().c_str(), 0600);
    sample::clean_up_afterwards([path = temporary_path()] { unlink(path.c_str()); });
    return {};
  }
  if (call == "semaphore") {
    const int set = semget(IPC_PRIVATE, 1, 0600);
    sample::clean_up_afterwards([set] { semctl(set, 0, IPC_RMID); });
    return {set};
  }
  if (call == "queue") {
    const int queue = msgget(IPC_PRIVATE, 0600);
    sample::clean_up_afterwards([queue] { msgctl(queue, IPC_RMID, nullptr); });
    return {queue};
  }
  if (call == "posix_queue") {
    const std::string name = "/pstuck-sample-" + std::to_string(getpid());
    sample::clean_up_afterwards([name] { mq_unlink(name.c_str()); });
    const mqd_t writes = mq_open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600, nullptr);
    const mqd_t reads = mq_open(name.c_str(), O_RDONLY | O_CLOEXEC);
    return share_with_helper(reads, writes);
  }
  if (call == "write" || call == "pair" || call == "sendfile") {
    int ends[2];
    if ((call == "write" ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) != 0) {
      std::_Exit(1);
    }
    return share_with_helper(ends[1], ends[0]);
  }
  const int taken = open(temporary_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  unlink(temporary_path().c_str());
  if (call == "flock") {
    flock(taken, LOCK_EX);
    const int again = open(path_of(taken).c_str(), O_RDWR | O_CLOEXEC);
    const pid_t helper = start_helper();  // has the lock through the same open file
    close(taken);
    return {again, helper};
  }
  int locked[2];
  if (pipe(locked) != 0) std::_Exit(1);
  const pid_t helper = fork();
  if (helper == 0) {
    lockf(taken, F_LOCK, 0);
    if (write(locked[1], "", 1) != 1) std::_Exit(1);
    help();
  }
  char byte = 0;
  if (read(locked[0], &byte, 1) != 1) std::_Exit(1);
  return {taken, helper};
}

[[gnu::noinline]] void run_errand(const std::string& call, const Errand& errand) {
  std::vector<char> buffer(1 << 20);
  if (call == "tcp" || call == "pair") recv(errand.descriptor, buffer.data(), buffer.size(), 0);
  if (call == "terminal") entries = static_cast<int>(read(errand.descriptor, buffer.data(), 1));
  while (call == "write" && write(errand.descriptor, buffer.data(), buffer.size()) > 0) {
  }
  if (call == "posix_queue") {
    mq_receive(errand.descriptor, buffer.data(), buffer.size(), nullptr);
  }
  const int page = memfd_create("page", MFD_CLOEXEC);
  if (ftruncate(page, 1 << 20) != 0) std::_Exit(1);
  off_t sent = 0;
  while (call == "sendfile" && sendfile(errand.descriptor, page, &sent, 1 << 20) > 0) {
  }
  if (call == "flock") flock(errand.descriptor, LOCK_EX);
  if (call == "fcntl") lockf(errand.descriptor, F_LOCK, 0);
  if (call == "child") waitpid(errand.helper, nullptr, 0);
  if (call == "open") entries = open(temporary_path().c_str(), O_RDONLY);
  sembuf operation{0, -1, 0};
  while (call == "semaphore" && syscall(SYS_semop, errand.descriptor, &operation, 1) != 0) {
  }
  buffer[0] = 1;  // a message begins with its type, a long
  while (call == "queue" && msgsnd(errand.descriptor, buffer.data(), 1000, 0) == 0) {
  }
}

[[gnu::noinline]] void refresh_cache(const std::string& call, const Errand& errand) {
  const std::lock_guard lock(g_cache);
  sample::holds("g_cache");
  run_errand(call, errand);
  ++entries;
}

[[gnu::noinline]] void serve_request() {
  sample::waits("g_cache");
  const std::lock_guard lock(g_cache);
  ++entries;
}

int main(int, char** argv) {
  const std::string call = argv[1];
  const Errand errand = prepare(call);
  sample::begin();
  sample::lock("g_cache", &g_cache);
  const pid_t holder = sample::start("holder", [&] { refresh_cache(call, errand); });
  sample::wait_for_holds(1);
  for (const Story& story : kStories) {
    if (call != story.call) continue;
    sample::in_kernel("holder", story.act, story.file, errand.helper);
    sample::wait_until_asleep(holder, story.number);
  }
  for (const char* name : {"request-0", "request-1", "request-2"}) {
    sample::start(name, serve_request);
  }
  sample::pile_up("g_cache", 3, "holder");
  sample::root("holder");
  sample::ready(3);
}
