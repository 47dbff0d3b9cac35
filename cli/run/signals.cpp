#include "cli/run/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace pstuck {
namespace {

constexpr std::array kPassedOn{SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
                               SIGALRM, SIGTERM, SIGCONT, SIGTSTP, SIGWINCH};

}  // namespace

Signals::Signals() {
  sigset_t read;
  sigemptyset(&read);
  sigaddset(&read, SIGCHLD);
  for (const int signal : kPassedOn) sigaddset(&read, signal);
  sigset_t blocked = read;
  sigaddset(&blocked, SIGTTOU);  // the terminal may be the command's when pstuck writes
  ::sigprocmask(SIG_BLOCK, &blocked, &mask_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &pipe_before_);
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would take away how children ended
  descriptor_ = Descriptor(::signalfd(-1, &read, SFD_NONBLOCK | SFD_CLOEXEC));
}

std::optional<int> Signals::next() const {
  signalfd_siginfo info{};
  if (::read(descriptor_.get(), &info, sizeof info) != sizeof info) return {};
  return static_cast<int>(info.ssi_signo);
}

void Signals::restore() const {
  ::sigaction(SIGPIPE, &pipe_before_, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

void suffer(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  struct sigaction before {};
  ::sigaction(signal, &action, &before);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  ::raise(signal);
  sigset_t mask;
  ::sigprocmask(SIG_UNBLOCK, &one, &mask);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::sigaction(signal, &before, nullptr);
}

}  // namespace pstuck
