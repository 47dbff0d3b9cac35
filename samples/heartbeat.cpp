// Healthy, and it feels its own pulse. One thread ticks every millisecond and keeps the longest
// pause; three sleep in calls that a debugger's stop breaks off with EINTR, one in a write that a
// stop cuts short, and count those. It answers a line on standard input with "pulse TICKS
// INTERRUPTED LONGEST_PAUSE_IN_MICROSECONDS".
//
//     ticker ▶ clock_nanosleep   poller ▶ epoll_wait   semaphore ▶ semop   signals ▶ sigwaitinfo
//     writer ▶ write, to a pipe that is full
//
// pstuck: No hang found

#include <sys/epoll.h>
#include <sys/sem.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "sample.h"

std::atomic<long> ticks, interrupted, longest_pause_us;
int semaphore = -1;  // outlives the process unless it is removed

void leave(int /*signal*/) {
  semctl(semaphore, 0, IPC_RMID);
  _exit(0);
}

[[gnu::noinline]] void tick() {
  for (auto last = std::chrono::steady_clock::now();; ++ticks) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto now = std::chrono::steady_clock::now();
    const long pause_us = (now - last) / std::chrono::microseconds(1);
    longest_pause_us = std::max<long>(longest_pause_us, pause_us);
    last = now;
  }
}

[[gnu::noinline]] void repeat(auto call) {
  while (true) {
    if (call() < 0 && errno == EINTR) ++interrupted;
  }
}

[[gnu::noinline]] void poll_events() {
  const int queue = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  repeat([&] { return epoll_wait(queue, &event, 1, -1); });
}

[[gnu::noinline]] void wait_for_semaphore() {
  sembuf take{0, -1, 0};
  repeat([&] { return semop(semaphore, &take, 1); });
}

[[gnu::noinline]] void wait_for_signal(const sigset_t& signals) {
  repeat([&] { return sigwaitinfo(&signals, nullptr); });
}

[[gnu::noinline]] void fill_pipe() {
  int ends[2];
  if (pipe(ends) != 0) return;
  const std::vector<char> bytes(1 << 20);
  while (true) {
    if (write(ends[1], bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      ++interrupted;
    }
  }
}

int main() {
  sample::begin();
  sigset_t signals{};
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  semaphore = semget(IPC_PRIVATE, 1, 0600);
  for (const int signal : {SIGTERM, SIGALRM, SIGINT}) std::signal(signal, leave);
  sample::start("ticker", tick);
  sample::start("poller", poll_events);
  sample::start("semaphore", wait_for_semaphore);
  sample::start("signals", [&] { wait_for_signal(signals); });
  sample::start("writer", fill_pipe);
  sample::healthy();
  sample::tell("ready");
  for (std::string question; std::getline(std::cin, question);) {
    sample::tell("pulse " + std::to_string(ticks) + " " + std::to_string(interrupted) + " " +
                 std::to_string(longest_pause_us.exchange(0)));
  }
  leave(0);
}
