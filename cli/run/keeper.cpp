#include "cli/run/keeper.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <thread>

#include "cli/run/hang_report.h"
#include "cli/run/junit.h"
#include "cli/run/run_status.h"
#include "cli/run/start.h"
#include "cli/trouble.h"
#include "cli/words.h"

namespace pstuck {
namespace {

// The command's reader may not read any more.
constexpr std::chrono::milliseconds kPatienceWithReader = std::chrono::seconds(2);

}  // namespace

Keeper::Keeper(const RunRequest& request, const Signals& signals)
    : request_(request),
      signals_(signals),
      group_in_front_(::getpgid(::getppid())),
      looked_(::eventfd(0, EFD_CLOEXEC)) {
  if (request.quiet) output_ = std::make_unique<OutputWatch>();
}

int Keeper::run(const GuardChannel& channel) {
  if (!start()) return exited_with(failed_to_start_);
  const Woken woken = watch();
  if (woken == Woken::kTimeout || woken == Woken::kQuiet) {
    channel.tell_limit_passed();
    return end_late(woken);
  }
  if (woken == Woken::kTerminated) end_all();
  take_terminal_back();
  if (output_) output_->finish({});
  const int ended = descendants_.command_ended().value_or(SIGKILL);
  record(ended);
  return ended;
}

std::chrono::milliseconds Keeper::ran() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_ -
                                                               stood_still_);
}

void Keeper::record(int wait_status) const {
  std::optional<TestCase::Failure> failure;
  if (wait_status != 0) {
    const std::string how = WIFSIGNALED(wait_status)
                                ? "was ended by " + signal_words(WTERMSIG(wait_status))
                                : fmt::format("ended with status {}", WEXITSTATUS(wait_status));
    failure = {.type = "FAILURE", .message = how, .text = request_.words() + ' ' + how};
  }
  write_junit(request_, {command_}, ran(), failure);
}

bool Keeper::start() {
  const Started started = start_command(request_.command, &signals_,
                                        output_ ? output_->streams() : std::vector<Stream>{});
  if (started.pid < 0) {
    report_trouble(
        {ErrorKind::kUsage,
         fmt::format("cannot run {}: {}", request_.command.front(), std::strerror(started.error)),
         "see whether the command's name is right"});
    failed_to_start_ = started.error == ENOENT ? kNotFound : kCannotExecute;
    return false;
  }
  command_ = started.pid;
  descendants_.set_command(command_);
  if (output_) output_->start();
  started_ = Clock::now();
  return true;
}

Keeper::Woken Keeper::watch() {
  while (true) {
    if (descendants_.command_ended()) return Woken::kEnded;
    if (terminated_) return Woken::kTerminated;
    const auto next = next_limit();
    if (next && *next <= Clock::now()) {
      const bool in_time = request_.timeout && started_ + stood_still_ + *request_.timeout <= *next;
      return in_time ? Woken::kTimeout : Woken::kQuiet;
    }
    wait_for_event(next);
  }
}

std::optional<Keeper::Clock::time_point> Keeper::next_limit() const {
  std::optional<Clock::time_point> next;
  if (request_.timeout) next = started_ + stood_still_ + *request_.timeout;
  if (output_) {
    const auto quiet = output_->last() + *request_.quiet;
    next = next ? std::min(*next, quiet) : quiet;
  }
  return next;
}

void Keeper::wait_for_event(std::optional<Clock::time_point> until) {
  int timeout_ms = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now());
    timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
  }
  std::array<pollfd, 2> waiting{pollfd{signals_.descriptor(), POLLIN, 0},
                                pollfd{looked_.get(), POLLIN, 0}};
  ::poll(waiting.data(), waiting.size(), timeout_ms);
  while (const auto signal = signals_.next()) take(*signal);
  if (waiting[1].revents != 0) looking_ = false;
}

void Keeper::take(int signal) {
  if (signal == SIGTERM) {
    terminated_ = true;
  } else if (signal != SIGCHLD) {
    if (signal == SIGWINCH && output_) output_->resize();
    if (!descendants_.command_ended()) ::kill(-command_, signal);
  } else if (!looking_) {
    descendants_.reap();
    if (const auto stop = descendants_.take_stop()) take_stop(*stop);
  }
}

// The terminal is the command's only when it asks for it: so others of a pipeline, as in
// `pstuck run … | less`, keep it. Whoever stops the command by SIGSTOP wants to have it stopped;
// that does not stop pstuck.
void Keeper::take_stop(int signal) {
  if (!terminal_.exists() || signal == SIGSTOP) return;
  const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
  if (!wants_terminal || !terminal_.hand_over(group_in_front_, command_)) {
    take_terminal_back();
    const auto before = Clock::now();
    ::raise(SIGSTOP);  // the process in front sees it, and stops like this one
    stood_still_ += Clock::now() - before;
  }
  ::kill(-command_, SIGCONT);
}

void Keeper::take_terminal_back() { terminal_.hand_over(command_, group_in_front_); }

int Keeper::end_late(Woken why) {
  diagnose(why);
  end_all();
  take_terminal_back();
  if (output_) output_->finish(kPatienceWithReader);
  return exited_with(kTimedOut);
}

void Keeper::diagnose(Woken why) {
  const std::string reason =
      why == Woken::kTimeout
          ? fmt::format("did not end within {}", duration_words(*request_.timeout))
          : fmt::format("wrote nothing for {}", duration_words(*request_.quiet));
  // Should the look come to no end, this is what there is.
  write_junit(request_, {command_}, ran(),
              TestCase::Failure{
                  .type = "TIMEOUT", .message = reason, .text = request_.words() + ' ' + reason});
  looking_ = true;
  const auto until = Clock::now() + request_.budget;
  // A thread, since Yama lets nobody but an ancestor look at a process. One that does not come to
  // its end is left behind, one that crashes takes this process with it: the one in front goes on.
  std::thread([this, reason] {
    report_hang({request_, signals_, {command_}, ran(), reason});
    const std::uint64_t one = 1;
    if (::write(looked_.get(), &one, sizeof one) < 0) return;
  }).detach();
  while (looking_ && !terminated_ && Clock::now() < until) wait_for_event(until);
  if (looking_ && !terminated_) {
    fmt::print(stderr, "pstuck: the look took longer than {}, and ends unfinished\n",
               duration_words(request_.budget));
  }
}

void Keeper::end_all() {
  if (descendants_.end(request_.kill_after)) return;
  for (const Tid process : Descendants::list()) {
    report_trouble({ErrorKind::kNotPermitted,
                    fmt::format("process {} could not be ended", process.value),
                    "it sleeps in the kernel, or is another user's"});
  }
}

}  // namespace pstuck
