#include "cli/run/descendants.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <utility>

#include "attach/descriptor.h"
#include "attach/proc_files.h"
#include "attach/process_list.h"

namespace pstuck {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void sleep_until_a_child_ends(milliseconds limit) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = (limit - seconds).count() * 1'000'000};
  ::sigtimedwait(&child, nullptr, &time);
}

/// In clock ticks since boot; 0 when it has ended.
std::uint64_t start_of(Tid process) {
  const auto text = ProcDirectory(proc_path(process)).read("stat");
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat ? stat->start_ticks : 0;
}

}  // namespace

Descendants::Descendants() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

bool Descendants::reap() {
  while (true) {
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, WNOHANG | WUNTRACED);
    if (child <= 0) return child == 0;
    if (child != command_) continue;
    if (WIFSTOPPED(status)) {
      stopped_ = WSTOPSIG(status);
    } else {
      ended_ = status;
    }
  }
}

std::optional<int> Descendants::take_stop() { return std::exchange(stopped_, std::nullopt); }

std::vector<Tid> Descendants::list() {
  const Tid self{::getpid()};
  std::vector<ListedProcess> all = list_processes();
  all.push_back({.pid = self});
  std::vector<Tid> below = choose_processes(all, {.by = ProcessChoice::By::kTree, .id = self});
  std::erase(below, self);
  return below;
}

// A pid may be another process's by the time that the signal is sent. One that is a descendant with
// the same start time before and after its pidfd was opened is what the pidfd is of.
void Descendants::signal(int number) {
  std::map<std::pair<Tid, std::uint64_t>, Descriptor> opened;
  for (const Tid pid : list()) {
    const std::uint64_t start = start_of(pid);
    opened.emplace(std::pair(pid, start), open_pidfd(pid));
  }
  for (const Tid pid : list()) {
    const auto found = opened.find({pid, start_of(pid)});
    if (found == opened.end() || !found->second.is_open()) continue;
    ::syscall(SYS_pidfd_send_signal, found->second.get(), number, nullptr, 0);
  }
}

template <typename Done>
bool Descendants::wait_until(milliseconds limit, Done done) {
  const auto until = Clock::now() + limit;
  while (!done()) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    sleep_until_a_child_ends(left);
  }
  return true;
}

void Descendants::wait_for_command(milliseconds limit) {
  wait_until(limit, [this] { return !reap() || ended_; });
}

bool Descendants::end(milliseconds kill_after) {
  if (!reap()) return true;
  signal(SIGTERM);
  signal(SIGCONT);  // who is stopped cannot end
  const auto nobody_is_left = [this] { return !reap(); };
  if (wait_until(kill_after, nobody_is_left)) return true;
  constexpr milliseconds kPatience = std::chrono::seconds(10);
  const auto give_up = Clock::now() + kPatience;
  while (Clock::now() < give_up) {
    signal(SIGKILL);  // again and again: who was killed may just have forked
    if (wait_until(milliseconds(50), nobody_is_left)) return true;
  }
  return false;
}

}  // namespace pstuck
