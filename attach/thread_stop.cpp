#include "attach/thread_stop.h"

#include <elf.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cerrno>
#include <thread>
#include <utility>

namespace pstuck {
namespace {

// An interrupted thread on another processor stops within some 20 µs: look often at first.
constexpr int kEagerLooks = 200;
constexpr std::chrono::microseconds kBetweenLooks{50};

}  // namespace

ThreadStop::ThreadStop(Tid thread) : thread_(thread) {
  seized_ = ::ptrace(PTRACE_SEIZE, thread.value, nullptr, nullptr) == 0;
  if (seized_) {
    outcome_ = Outcome::kSeized;
  } else {
    outcome_ = errno == ESRCH ? Outcome::kGone : Outcome::kNotPermitted;
  }
}

ThreadStop::ThreadStop(ThreadStop&& other) noexcept
    : thread_(other.thread_),
      outcome_(other.outcome_),
      seized_(std::exchange(other.seized_, false)),
      stopped_(std::exchange(other.stopped_, false)),
      ended_(other.ended_),
      pending_signal_(other.pending_signal_) {}

// A thread that has not stopped yet cannot be detached; the end of this tracing thread does it.
ThreadStop::~ThreadStop() { let_go(); }

void ThreadStop::let_go() {
  if (seized_ && stopped_) ::ptrace(PTRACE_DETACH, thread_.value, nullptr, pending_signal_);
  seized_ = false;
  stopped_ = false;
}

void ThreadStop::interrupt() {
  if (seized_) ::ptrace(PTRACE_INTERRUPT, thread_.value, nullptr, nullptr);
}

bool ThreadStop::poll() {
  int status = 0;
  const pid_t got = ::waitpid(thread_.value, &status, __WALL | WNOHANG);
  if (got == 0) return false;
  if (got < 0 || !WIFSTOPPED(status)) {
    ended_ = true;
    seized_ = false;
    return true;
  }
  stopped_ = true;
  // Not our own PTRACE_EVENT_STOP but a signal on its way: it must arrive after all.
  if (status >> 16 == 0) pending_signal_ = WSTOPSIG(status);
  return true;
}

bool ThreadStop::has_stopped() { return stopped_ || (seized_ && poll() && stopped_); }

bool ThreadStop::wait_until_stopped(std::chrono::steady_clock::time_point deadline) {
  if (!seized_) return false;
  for (int look = 0; !poll(); ++look) {
    if (look < kEagerLooks) {
      ::sched_yield();
      continue;
    }
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return stopped_;
}

std::optional<ThreadRegisters> ThreadStop::read_registers() const {
  std::array<std::byte, kUserRegistersSize> bytes;
  iovec buffer{bytes.data(), bytes.size()};
  if (::ptrace(PTRACE_GETREGSET, thread_.value, NT_PRSTATUS, &buffer) != 0) return {};
  if (buffer.iov_len != bytes.size()) return {};  // a 32-bit thread has fewer
  return parse_user_registers(bytes);
}

}  // namespace pstuck
