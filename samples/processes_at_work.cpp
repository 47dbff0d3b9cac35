// Four processes that work with each other as fast as they can: a ring of pipes around which a
// token goes, a file lock and a mutex in shared memory that all want, and requests with replies.
// At any moment most of them wait for another one, and none of that is a deadlock, however it looks
// when one process is looked at after the other.
//
// pstuck: No hang found
// pstuck: Nothing is stuck

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <csignal>

#include "sample.h"

constexpr int kProcesses = 4;

struct Shared {
  pthread_mutex_t mutex;
  std::atomic<long> rounds[kProcesses];
};

struct Ring {
  int pipes[kProcesses][2];
};

/// Passes the token on: reads from its own pipe and writes to the next one's.
void pass_token(const Ring& ring, int self) {
  char token = 'x';
  if (read(ring.pipes[self][0], &token, 1) != 1) std::_Exit(1);
  if (write(ring.pipes[(self + 1) % kProcesses][1], &token, 1) != 1) std::_Exit(1);
}

/// The even ones ask and the odd ones answer.
void talk(int connection, int self) {
  char word = 'q';
  if (self % 2 == 0 && write(connection, &word, 1) != 1) std::_Exit(1);
  if (read(connection, &word, 1) != 1) std::_Exit(1);
  if (self % 2 == 1 && write(connection, &word, 1) != 1) std::_Exit(1);
}

[[noreturn]] void work(Shared& shared, const Ring& ring, int connection, const std::string& path,
                       int self) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  while (true) {
    pass_token(ring, self);
    flock(file, LOCK_EX);
    pthread_mutex_lock(&shared.mutex);
    pthread_mutex_unlock(&shared.mutex);
    flock(file, LOCK_UN);
    talk(connection, self);
    ++shared.rounds[self];
  }
}

int main() {
  sample::begin();
  auto* const shared =
      new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Shared{};
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &attributes);
  Ring ring;
  for (auto& ends : ring.pipes) {
    if (pipe(ends) != 0) std::_Exit(1);
  }
  int connections[kProcesses];
  for (int i = 0; i < kProcesses; i += 2) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, connections + i) != 0) std::_Exit(1);
  }
  const std::string path = "/tmp/pstuck-work-" + std::to_string(getpid());
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::string open_path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file);
  unlink(path.c_str());
  for (int i = 1; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(*shared, ring, connections[i], open_path, i);
  }
  // Two tokens, so that more than one can go on.
  for (const int i : {0, 2}) {
    if (write(ring.pipes[i][1], "t", 1) != 1) std::_Exit(1);
  }
  sample::role("first");
  sample::healthy();
  std::thread([shared] {
    for (const auto& rounds : shared->rounds) {
      while (rounds < 100) usleep(1000);
    }
    sample::tell("ready");
  }).detach();
  work(*shared, ring, connections[0], open_path, 0);
}
