#include "cli/run/guard.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/run/descendants.h"
#include "cli/run/run_status.h"
#include "cli/trouble.h"

namespace pstuck {
namespace {

struct Message {
  enum Kind : int { kLimitPassed, kEnd };
  Kind kind = kEnd;
  int wait_status = 0;
};

void send(const Descriptor& to, const Message& message) {
  // Nobody to tell: this process is about to learn that by a signal.
  if (::write(to.get(), &message, sizeof message) < 0) return;
}

[[noreturn]] void be_worker(pid_t front, const GuardChannel& channel,
                            const std::function<int(const GuardChannel&)>& work) {
  ::setpgid(0, 0);  // what the terminal sends to pstuck's group comes through the front alone
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != front) ::raise(SIGTERM);
  try {
    channel.tell_end(work(channel));
  } catch (const Error& error) {
    report_trouble(error);
    channel.tell_end(exited_with(kRunFailed));
  }
  ::_exit(0);
}

class Front {
 public:
  Front(const Signals& signals, pid_t worker, Descriptor from_worker)
      : signals_(signals), worker_(worker), from_worker_(std::move(from_worker)) {}

  int watch(Descendants& descendants, std::chrono::milliseconds kill_after) {
    descendants.set_command(worker_);
    std::array<pollfd, 2> waiting{pollfd{signals_.descriptor(), POLLIN, 0},
                                  pollfd{from_worker_.get(), POLLIN, 0}};
    while (!end_ && !lost_) {
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
      while (const auto signal = signals_.next()) take(*signal, descendants);
      if (waiting[1].revents != 0) take_message();
    }
    if (end_) {
      descendants.wait_for_command(std::chrono::seconds(1));
      return *end_;
    }
    report_trouble({ErrorKind::kExited, "pstuck's own process was killed; its command is ended",
                    "see dmesg whether memory ran out"});
    descendants.end(kill_after);
    return exited_with(limit_passed_ ? kTimedOut : kRunFailed);
  }

 private:
  void take(int signal, Descendants& descendants) {
    if (signal != SIGCHLD) {
      ::kill(worker_, signal);
      return;
    }
    descendants.reap();
    if (!descendants.take_stop()) return;
    ::kill(0, SIGTSTP);  // the whole job, as the terminal does it
    suffer(SIGTSTP);
    ::kill(worker_, SIGCONT);
  }

  void take_message() {
    Message message;
    const ssize_t got = ::read(from_worker_.get(), &message, sizeof message);
    if (got < 0 && errno == EINTR) return;
    if (got != sizeof message) {
      lost_ = true;
    } else if (message.kind == Message::kLimitPassed) {
      limit_passed_ = true;
    } else {
      end_ = message.wait_status;
    }
  }

  const Signals& signals_;
  pid_t worker_;
  Descriptor from_worker_;
  bool limit_passed_ = false;
  bool lost_ = false;
  std::optional<int> end_;
};

}  // namespace

void GuardChannel::tell_limit_passed() const { send(write_end_, {.kind = Message::kLimitPassed}); }

void GuardChannel::tell_end(int wait_status) const {
  send(write_end_, {.kind = Message::kEnd, .wait_status = wait_status});
}

int exited_with(int status) { return W_EXITCODE(status, 0); }

int work_guarded(const Signals& signals, std::chrono::milliseconds kill_after,
                 const std::function<int(const GuardChannel&)>& work) {
  auto pipe = open_pipe();
  if (!pipe) {
    throw Error(ErrorKind::kOutput, fmt::format("cannot open a pipe: {}", std::strerror(errno)));
  }
  auto [read_end, write_end] = *std::move(pipe);
  Descendants descendants;
  const pid_t front = ::getpid();
  const pid_t worker = ::fork();
  if (worker < 0) {
    throw Error(ErrorKind::kOutput, fmt::format("cannot fork: {}", std::strerror(errno)));
  }
  if (worker == 0) {
    read_end = Descriptor();
    be_worker(front, GuardChannel(std::move(write_end)), work);
  }
  ::setpgid(worker, worker);
  write_end = Descriptor();
  return Front(signals, worker, std::move(read_end)).watch(descendants, kill_after);
}

}  // namespace pstuck
