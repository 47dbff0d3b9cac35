#include "attach/live_threads.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "attach/clock.h"
#include "attach/syscalls.h"

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

// include/linux/sched.h. Older kernels used these bits otherwise, so the name must fit as well.
constexpr std::uint64_t kPfIoWorker = 0x10;
constexpr std::uint64_t kPfUserWorker = 0x4000;

bool is_io_uring_worker(const StatFacts& stat) {
  return (stat.flags & (kPfIoWorker | kPfUserWorker)) != 0 && stat.name.starts_with("iou-");
}

std::optional<nanoseconds> find_not_run_for(const SchedFacts& sched, const StatFacts& stat,
                                            nanoseconds age, const FactsClock& clock) {
  if (!sched.last_ran || !stat.processor || *stat.processor >= clock.scheduler_ahead.size()) {
    return {};
  }
  const auto& ahead = clock.scheduler_ahead[*stat.processor];
  if (!ahead) return {};
  return std::clamp(read_clock(CLOCK_MONOTONIC) + *ahead - *sched.last_ran, nanoseconds(0), age);
}

void take_syscall(const ProcDirectory& tasks, LiveThread& thread) {
  const auto facts = read_syscall(tasks, thread.snapshot.tid);
  if (!facts) return;
  thread.snapshot.syscall = facts->syscall;
  thread.on_processor = facts->running;
  thread.stack_pointer = facts->stack_pointer;
  thread.program_counter = facts->program_counter;
}

// Its first argument may be a socket. (A write is disturbed by a stop in any case.)
bool may_be_of_socket(CallAct act) {
  return act == CallAct::kRead || act == CallAct::kAccept || act == CallAct::kConnect;
}

/// It would return what has come so far.
bool waits_for_all(const Syscall& syscall) {
  constexpr std::size_t kFlagsOfRecvfrom = 3;
  constexpr std::size_t kFlagsOfRecvmsg = 2;
  if (syscall.number == SYS_recvfrom) {
    return (syscall.arguments[kFlagsOfRecvfrom] & MSG_WAITALL) != 0;
  }
  return syscall.number == SYS_recvmsg && (syscall.arguments[kFlagsOfRecvmsg] & MSG_WAITALL) != 0;
}

bool has_timeout(int socket, int option) {
  timeval limit{};
  socklen_t size = sizeof limit;
  return ::getsockopt(socket, SOL_SOCKET, option, &limit, &size) == 0 &&
         (limit.tv_sec != 0 || limit.tv_usec != 0);
}

// Each processor counts its own time and leaves out what a hypervisor took from it, so on a virtual
// machine the clocks drift apart without bound: measured 1.3 s after two hours. So ours is read on
// every processor, by a thread of its own that goes from one to the next.
std::vector<std::optional<nanoseconds>> read_scheduler_clocks() {
  std::vector<std::optional<nanoseconds>> ahead;
  std::thread([&ahead] {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    const ProcDirectory own("/proc/thread-self");
    for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (!CPU_ISSET(processor, &allowed)) continue;
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(processor, &only);
      if (::sched_setaffinity(0, sizeof only, &only) != 0) continue;
      const auto text = own.read("sched");
      const auto last_ran = text ? parse_sched(*text).last_ran : std::nullopt;
      if (!last_ran) return;
      ahead.resize(processor + 1);
      ahead[processor] = *last_ran - read_clock(CLOCK_MONOTONIC);
    }
  }).join();
  return ahead;
}

}  // namespace

FactsClock read_facts_clock() {
  return {.boot = read_clock(CLOCK_BOOTTIME),
          .scheduler_ahead = read_scheduler_clocks(),
          .ticks_per_second = ::sysconf(_SC_CLK_TCK)};
}

std::optional<LiveThread> read_thread_facts(const ProcDirectory& tasks, Tid id,
                                            const FactsClock& clock, bool nested_pid_namespace) {
  const auto stat_text = tasks.read(fmt::format("{}/stat", id.value));
  const auto stat = stat_text ? parse_stat(*stat_text) : std::nullopt;
  if (!stat || is_io_uring_worker(*stat)) return {};

  LiveThread thread;
  ThreadSnapshot& snapshot = thread.snapshot;
  snapshot.tid = id;
  snapshot.tid_in_target = id;
  snapshot.name = stat->name;
  snapshot.state = stat->state;
  snapshot.cpu_time = from_ticks(stat->cpu_ticks, clock.ticks_per_second);
  snapshot.kernel_time = from_ticks(stat->kernel_ticks, clock.ticks_per_second);
  snapshot.age =
      std::max(nanoseconds(0), clock.boot - from_ticks(stat->start_ticks, clock.ticks_per_second));
  if (const auto text = tasks.read(fmt::format("{}/sched", id.value))) {
    const SchedFacts sched = parse_sched(*text);
    snapshot.switches = sched.switches;
    if (sched.cpu_time) snapshot.cpu_time = sched.cpu_time;
    snapshot.not_run_for = find_not_run_for(sched, *stat, *snapshot.age, clock);
  } else {
    snapshot.switches = read_switches(tasks, id);
  }
  if (nested_pid_namespace) {
    const auto status = tasks.read(fmt::format("{}/status", id.value));
    const auto ids = status ? parse_status(*status).ids_by_namespace : std::vector<Tid>{};
    if (!ids.empty()) snapshot.tid_in_target = ids.back();
  }
  if (stat->state == 'D') {
    snapshot.wait_channel = tasks.read(fmt::format("{}/wchan", id.value)).value_or("");
    const auto stack = tasks.read(fmt::format("{}/stack", id.value));
    if (stack) snapshot.kernel_stack = parse_kernel_stack(*stack);
  }
  take_syscall(tasks, thread);
  return thread;
}

ThreadLook look_at_thread(const ProcDirectory& tasks, Tid id) {
  ThreadLook look{.tid = id, .switches = read_switches(tasks, id)};
  const auto facts = read_syscall(tasks, id);
  look.exists = facts.has_value();
  if (facts) look.syscall = facts->syscall;
  return look;
}

bool stop_would_disturb(const Syscall& syscall, const ProcDirectory& process, int pidfd) {
  if (syscall.state != SyscallState::kInSyscall) return false;
  const BlockingCall* call = find_blocking_call(syscall.number);
  if (call == nullptr) return false;
  if (call->stop_interrupts || waits_for_all(syscall)) return true;
  if (pidfd < 0 || !may_be_of_socket(call->act)) return false;
  const auto descriptor = static_cast<int>(syscall.arguments[0]);
  if (!process.read_link(fmt::format("fd/{}", descriptor)).starts_with("socket:")) return false;
  const Descriptor socket = copy_descriptor(pidfd, descriptor);
  return socket.is_open() &&
         (has_timeout(socket.get(), SO_RCVTIMEO) || has_timeout(socket.get(), SO_SNDTIMEO));
}

}  // namespace pstuck
