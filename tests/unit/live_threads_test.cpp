// What /proc tells of a thread in uninterruptible sleep.

#include "attach/live_threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace pstuck {
namespace {

/// A process that waits in uninterruptible sleep for the child that it vforked.
pid_t start_vforking() {
  const pid_t parent = ::fork();
  if (parent != 0) return parent;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::vfork() == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) ::pause();
  }
  ::_exit(0);
}

TEST(LiveThreads, TellWhereInTheKernelTheySleep) {
  const pid_t process = start_vforking();
  const ProcDirectory tasks(proc_path(Tid{process}, "task"));
  const FactsClock clock = read_facts_clock();
  std::optional<LiveThread> thread;
  while (!thread || thread->snapshot.state != 'D') {
    ::sched_yield();
    thread = read_thread_facts(tasks, Tid{process}, clock, false);
  }
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
  const auto& stack = thread->snapshot.kernel_stack;
  if (stack.empty()) GTEST_SKIP() << "the kernel's stacks may not be read here";
  const bool is_vfork = std::ranges::any_of(stack, [](const std::string& function) {
    return function.find("vfork") != std::string::npos;
  });
  EXPECT_TRUE(is_vfork) << stack.front();
}

}  // namespace
}  // namespace pstuck
