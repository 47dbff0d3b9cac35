// Processes that wait for each other: no debugger that looks at one of them can tell, and each of
// them alone looks as if it only waited for its turn.
//
//     parent ──waits for the end of──▶ child ──writes to a full pipe, which only reads──▶ parent
//
// and so with file locks, locks of open files, mutexes in shared memory, sockets whose ends both
// wait for the other's word, a terminal that nobody reads, a pipe that nobody else writes to, FIFOs
// that are opened in opposite order, a filter that is given all of its input before its output is
// read, message queues, and a mixture over three of them.
// In the last four stories it is no deadlock: there is one process more, which could write, one
// process more, which is about to open the FIFO, a service that waits for the end of a worker,
// which reads a FIFO that the service has open to write too, so that the worker sees no end of it,
// and a chain that ends in a process that sleeps.
//
// Run with: pipe_and_child file_locks open_file_locks shared_mutexes
// Run with: tcp_request unix_request both_send terminal own_pipe fifos filter queues mixture
// Run with: helper_can_write fifo_of_another fifo_of_its_own chain
// pstuck: wait for each other
// pstuck: waits for itself
// pstuck: Nothing is stuck
// pstuck: No hang found

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <vector>

#include "sample.h"

/// Seen by all processes.
struct Shared {
  pthread_mutex_t mutexes[2];
  std::atomic<int> arrived;
  std::atomic<int> told;
  std::atomic<pid_t> pids[3];
};
Shared* shared = nullptr;

void create_shared() {
  shared =
      new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Shared{};
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  for (pthread_mutex_t& mutex : shared->mutexes) pthread_mutex_init(&mutex, &attributes);
}

/// Until `processes` of them are here.
void meet(int processes) {
  ++shared->arrived;
  while (shared->arrived < processes) sched_yield();
}

void play(int part, const std::string& name) {
  sample::role(name);
  prctl(PR_SET_NAME, name.c_str());
  shared->pids[part] = getpid();
  ++shared->told;
}

/// A child with this part, which ends with its parent.
pid_t start(int part, const std::string& name, const std::function<void()>& work) {
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  play(part, name);
  work();
  while (true) pause();
}

/// Sleeps in a call that a story ends with: a slow disk makes others sleep too.
bool is_asleep(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/syscall";
  std::FILE* const file = std::fopen(path.c_str(), "r");
  long call = -1;
  const bool read = file != nullptr && std::fscanf(file, "%ld", &call) == 1;
  if (file != nullptr) std::fclose(file);
  constexpr long kLast[] = {SYS_wait4,  SYS_read,     SYS_write,           SYS_flock,
                            SYS_fcntl,  SYS_futex,    SYS_pause,           SYS_openat,
                            SYS_splice, SYS_sendfile, SYS_clock_nanosleep, SYS_mq_timedsend};
  return read && std::find(std::begin(kLast), std::end(kLast), call) != std::end(kLast);
}

/// A process of its own, forked before there are any pipes, says when all sleep.
void tell_when_asleep(int processes) {
  if (fork() != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "watcher");
  const auto all_sleep = [&] {
    for (int i = 0; i < processes; ++i) {
      if (!is_asleep(shared->pids[i])) return false;
    }
    return true;
  };
  while (shared->told < processes) usleep(1000);
  for (int times = 0; times < 5; usleep(1000)) times = all_sleep() ? times + 1 : 0;
  sample::tell("ready");
  while (true) pause();
}

/// More than a pipe or a socket takes.
void write_much(int descriptor) {
  const std::vector<char> bytes(1 << 20);
  while (write(descriptor, bytes.data(), bytes.size()) > 0) {
  }
}

void read_one(int descriptor) {
  char byte = 0;
  if (read(descriptor, &byte, 1) == 1) std::_Exit(1);
}

void pipe_and_child() {
  sample::tell("across parent child");
  int ends[2];
  if (pipe(ends) != 0) std::_Exit(1);
  const pid_t child = start(1, "child", [&] {
    close(ends[0]);
    write_much(ends[1]);
  });
  close(ends[1]);
  waitpid(child, nullptr, 0);
}

/// The file is gone when the process is.
std::string new_path(const std::string& name) {
  const std::string path = "/tmp/pstuck-circle-" + std::to_string(getpid()) + "-" + name;
  sample::clean_up_afterwards([path] { unlink(path.c_str()); });
  return path;
}

void file_locks(bool of_open_files) {
  sample::tell("across parent child");
  const std::string paths[] = {new_path("a"), new_path("b")};
  const auto lock = [&](int which) {
    const int file = open(paths[which].c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    if (of_open_files) {
      fcntl(file, F_OFD_SETLKW, &whole);
    } else {
      flock(file, LOCK_EX);
    }
  };
  start(1, "child", [&] {
    lock(1);
    meet(2);
    lock(0);
  });
  lock(0);
  meet(2);
  lock(1);
}

[[gnu::noinline]] void shared_mutexes() {
  sample::tell("across parent child");
  sample::lock("first", &shared->mutexes[0]);
  start(1, "child", [] {
    pthread_mutex_lock(&shared->mutexes[1]);
    meet(2);
    pthread_mutex_lock(&shared->mutexes[0]);
  });
  pthread_mutex_lock(&shared->mutexes[0]);
  sample::holds("first");
  meet(2);
  if (pthread_mutex_lock(&shared->mutexes[1]) == 0) std::_Exit(1);  // no tail call
}

/// The server waits for a request and the client, which never sent all of it, for the reply.
void tcp_request() {
  sample::tell("across parent child");
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), size) != 0) std::_Exit(1);
  listen(server, 1);
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  start(1, "child", [&] {
    close(server);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client, reinterpret_cast<sockaddr*>(&address), size) != 0) std::_Exit(1);
    read_one(client);
  });
  const int connection = accept(server, nullptr, nullptr);
  close(server);
  read_one(connection);
}

void socket_pair(bool send) {
  sample::tell("across parent child");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::_Exit(1);
  start(1, "child", [&] {
    close(ends[0]);
    send ? write_much(ends[1]) : read_one(ends[1]);
  });
  close(ends[1]);
  send ? write_much(ends[0]) : read_one(ends[0]);
}

/// As with expect(1), when it waits for the program's end before it has read all of its output.
void terminal() {
  sample::tell("across parent child");
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (grantpt(master) != 0 || unlockpt(master) != 0) std::_Exit(1);
  const std::string path = ptsname(master);
  const pid_t child = start(1, "child", [&] {
    close(master);
    write_much(open(path.c_str(), O_RDWR | O_NOCTTY));
  });
  waitpid(child, nullptr, 0);
}

void own_pipe() {
  sample::tell("across parent");
  int ends[2];
  if (pipe(ends) != 0) std::_Exit(1);
  read_one(ends[0]);
}

/// The parent waits for its child, the child for a mutex that the sister has, and she for room in
/// a pipe that the parent is to read.
void mixture() {
  sample::tell("across parent child sister");
  int ends[2];
  if (pipe(ends) != 0) std::_Exit(1);
  start(2, "sister", [&] {
    close(ends[0]);
    pthread_mutex_lock(&shared->mutexes[0]);
    meet(2);
    write_much(ends[1]);
  });
  close(ends[1]);
  const pid_t child = start(1, "child", [&] {
    close(ends[0]);
    meet(2);
    pthread_mutex_lock(&shared->mutexes[0]);
  });
  waitpid(child, nullptr, 0);
}

std::string new_fifo(const std::string& name) {
  const std::string path = new_path(name);
  mkfifo(path.c_str(), 0600);
  return path;
}

/// Each opens one to read and would open the other to write then. A child that was only forked
/// would know both whatever it does.
void fifos() {
  sample::tell("likely");
  sample::tell("across parent child");
  const std::string requests = new_fifo("requests");
  const std::string replies = new_fifo("replies");
  start(1, "child", [&] {
    const char* const script = "exec 3< \"$0\" && exec 4> \"$1\"";
    execlp("sh", "sh", "-c", script, replies.c_str(), requests.c_str(), nullptr);
  });
  const int in = open(requests.c_str(), O_RDONLY);
  write_much(open(replies.c_str(), O_WRONLY));
  read_one(in);
}

/// Who waits in an open of another FIFO does not know this one.
void fifo_of_another() {
  sample::tell("healthy");
  const std::string own = new_fifo("own");
  start(1, "child", [] {
    const std::string other = new_fifo("other");
    execlp("sh", "sh", "-c", ": < \"$0\"", other.c_str(), nullptr);
  });
  open(own.c_str(), O_RDONLY);
}

/// Whoever has work for them opens it by its name.
void fifo_of_its_own() {
  sample::tell("healthy");
  const std::string path = new_fifo("work");
  const int work = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const pid_t worker = start(1, "worker", [&] {
    const int own = open(path.c_str(), O_RDONLY);
    close(work);
    read_one(own);
  });
  waitpid(worker, nullptr, 0);
}

/// A filter that is given all of its input before any of its output is read.
void filter() {
  sample::tell("across parent child");
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::_Exit(1);
  start(1, "child", [&] {
    close(in[1]);
    close(out[0]);
    while (splice(in[0], nullptr, out[1], nullptr, 1 << 20, 0) > 0) {
    }
  });
  close(in[0]);
  close(out[1]);
  const int file = memfd_create("input", MFD_CLOEXEC);
  if (ftruncate(file, 1 << 20) != 0) std::_Exit(1);
  off_t offset = 0;
  while (sendfile(in[1], file, &offset, 1 << 20) > 0) {
  }
}

/// Each would send one message more than fits into the queue that the other is to empty.
void queues() {
  sample::tell("likely");
  sample::tell("across parent child");
  const std::string name = "/pstuck-circle-" + std::to_string(getpid());
  const auto open_one = [&](const std::string& which, int flags) {
    const mqd_t queue = mq_open((name + which).c_str(), flags | O_CREAT | O_CLOEXEC, 0600, nullptr);
    if (queue < 0) std::_Exit(1);
    return queue;
  };
  sample::clean_up_afterwards([name] {
    for (const char* which : {"-requests", "-replies"}) mq_unlink((name + which).c_str());
  });
  const auto converse = [&](const std::string& own, const std::string& others) {
    open_one(own, O_RDONLY);
    const mqd_t to = open_one(others, O_WRONLY);
    while (mq_send(to, "", 1, 0) == 0) {
    }
  };
  start(1, "child", [&] { converse("-requests", "-replies"); });
  converse("-replies", "-requests");
}

void helper_can_write() {
  sample::tell("healthy");
  int ends[2];
  if (pipe(ends) != 0) std::_Exit(1);
  start(2, "helper", [&] { close(ends[0]); });
  const pid_t child = start(1, "child", [&] {
    close(ends[1]);
    read_one(ends[0]);
  });
  waitpid(child, nullptr, 0);
}

/// The parent waits for the child, the child for the answer of a backend, and that one sleeps.
void chain() {
  sample::tell("healthy");
  int ends[2];
  if (pipe(ends) != 0) std::_Exit(1);
  start(2, "backend", [&] {
    close(ends[0]);
    sleep(3600);
    write_much(ends[1]);
  });
  close(ends[1]);
  const pid_t child = start(1, "child", [&] { read_one(ends[0]); });
  close(ends[0]);
  waitpid(child, nullptr, 0);
}

struct Story {
  const char* name;
  int processes;
  void (*run)();
};

constexpr Story kStories[] = {
    {"pipe_and_child", 2, pipe_and_child},
    {"file_locks", 2, [] { file_locks(false); }},
    {"open_file_locks", 2, [] { file_locks(true); }},
    {"shared_mutexes", 2, shared_mutexes},
    {"tcp_request", 2, tcp_request},
    {"unix_request", 2, [] { socket_pair(false); }},
    {"both_send", 2, [] { socket_pair(true); }},
    {"terminal", 2, terminal},
    {"own_pipe", 1, own_pipe},
    {"fifos", 2, fifos},
    {"filter", 2, filter},
    {"queues", 2, queues},
    {"mixture", 3, mixture},
    {"helper_can_write", 3, helper_can_write},
    {"fifo_of_another", 2, fifo_of_another},
    {"fifo_of_its_own", 2, fifo_of_its_own},
    {"chain", 3, chain},
};

int main(int, char** argv) {
  const std::string name = argv[1];
  sample::begin();
  create_shared();
  for (const Story& story : kStories) {
    if (name != story.name) continue;
    tell_when_asleep(story.processes);
    play(0, "parent");
    story.run();
  }
}
