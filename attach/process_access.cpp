#include "attach/process_access.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "attach/error.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kPfKernelThread = 0x00200000;  // include/linux/sched.h
constexpr std::uint64_t kCapSysPtrace = 1ULL << 19;    // include/uapi/linux/capability.h

struct Candidate {
  Tid pid;
  ProcDirectory directory;
  StatFacts stat;
  StatusFacts status;
};

std::string name_of(Tid id) {
  const auto stat = ProcDirectory(proc_path(id)).read("stat");
  const auto facts = stat ? parse_stat(*stat) : std::nullopt;
  return facts ? facts->name : std::string("?");
}

Error no_such_process(Tid id) {
  return {ErrorKind::kNoSuchProcess, fmt::format("there is no process {}", id.value),
          "look for it with: pgrep -a NAME; a process that has ended leaves at most a core"};
}

Candidate find_process(Tid id) {
  const auto status_text = ProcDirectory(proc_path(id)).read("status");
  if (!status_text) throw no_such_process(id);
  const Tid pid = parse_status(*status_text).thread_group;
  Candidate candidate{.pid = pid, .directory = ProcDirectory(proc_path(pid))};
  const auto stat_text = candidate.directory.read("stat");
  const auto stat = stat_text ? parse_stat(*stat_text) : std::nullopt;
  const auto leader_status = candidate.directory.read("status");
  if (!stat || !leader_status) throw no_such_process(id);
  candidate.stat = *stat;
  candidate.status = parse_status(*leader_status);
  return candidate;
}

// The first thread can have ended while others go on: then its /proc entries lead nowhere.
Tid find_living_thread(const Candidate& candidate) {
  const ProcDirectory tasks(proc_path(candidate.pid, "task"));
  for (const Tid id : tasks.read_ids()) {
    const auto text = tasks.read(fmt::format("{}/stat", id.value));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (stat && stat->state != 'Z' && stat->state != 'X') return id;
  }
  throw Error(ErrorKind::kZombie,
              fmt::format("process {} ({}) has ended and is a zombie: it has no threads left",
                          candidate.pid.value, candidate.stat.name),
              fmt::format("its parent {} ({}) has not waited for it; try: pstuck {}",
                          candidate.stat.parent.value, name_of(candidate.stat.parent),
                          candidate.stat.parent.value));
}

std::string why_not_permitted(const Candidate& candidate) {
  const auto own_text = ProcDirectory("/proc/self").read("status");
  const StatusFacts own = own_text ? parse_status(*own_text) : StatusFacts{};
  const auto scope = ProcDirectory("/proc/sys/kernel/yama").read("ptrace_scope");
  const bool capable = (own.effective_capabilities & kCapSysPtrace) != 0;
  if (scope && scope->starts_with('3')) {
    return "kernel.yama.ptrace_scope is 3, which forbids tracing to everybody until the next boot";
  }
  if (capable) return "the process is in a container or user namespace apart from pstuck's";
  if (own.user && candidate.status.user && *own.user != *candidate.status.user) {
    return fmt::format("it runs as user {}, pstuck as user {} without CAP_SYS_PTRACE",
                       *candidate.status.user, *own.user);
  }
  if (scope && !scope->starts_with('0')) {
    return fmt::format("kernel.yama.ptrace_scope is {} and pstuck has no CAP_SYS_PTRACE",
                       scope->substr(0, 1));
  }
  return "it is not dumpable, as after a change of user, and pstuck has no CAP_SYS_PTRACE";
}

Descriptor open_memory(const Candidate& candidate, Tid living) {
  // The kernel asks for the same right here as for ptrace (PTRACE_MODE_ATTACH, fs/proc/base.c).
  Descriptor memory(::open(proc_path(living, "mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (memory.is_open()) return memory;
  if (errno == ENOENT || errno == ESRCH) {
    throw Error(ErrorKind::kExited,
                fmt::format("process {} exited meanwhile", candidate.pid.value));
  }
  throw Error(ErrorKind::kNotPermitted,
              fmt::format("not permitted to look into process {} ({}): {}", candidate.pid.value,
                          candidate.stat.name, why_not_permitted(candidate)),
              fmt::format("try: sudo pstuck {}; in a container add --cap-add=SYS_PTRACE, or run it "
                          "on the host",
                          candidate.pid.value));
}

void refuse_32_bit(const Candidate& candidate, Tid living) {
  const Descriptor file(::open(proc_path(living, "exe").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<unsigned char, EI_NIDENT> ident{};
  if (!file.is_open() || ::pread(file.get(), ident.data(), ident.size(), 0) != EI_NIDENT) return;
  if (ident[EI_CLASS] != ELFCLASS32) return;
  throw Error(ErrorKind::kUnsupported,
              fmt::format("process {} ({}) is a 32-bit program, which pstuck does not support",
                          candidate.pid.value, candidate.stat.name),
              fmt::format("for its stacks try: gdb -p {} -batch -ex 'thread apply all bt'",
                          candidate.pid.value));
}

void refuse_traced(const Candidate& candidate) {
  const Tid tracer = candidate.status.tracer;
  if (tracer.value == 0) return;
  throw Error(ErrorKind::kAlreadyTraced,
              fmt::format("process {} ({}) is already traced by {} (pid {})", candidate.pid.value,
                          candidate.stat.name, name_of(tracer), tracer.value),
              "a process has one tracer at a time: detach that one, or dump a core from within it "
              "(gdb: generate-core-file) and give that to pstuck");
}

}  // namespace

AccessibleProcess open_process(Tid id) {
  const Candidate candidate = find_process(id);
  if ((candidate.stat.flags & kPfKernelThread) != 0) {
    throw Error(ErrorKind::kKernelThread,
                fmt::format("{} ({}) is a kernel thread: it has no user code to look at",
                            candidate.pid.value, candidate.stat.name),
                fmt::format("for its kernel stack try: cat /proc/{}/stack", candidate.pid.value));
  }
  if (candidate.pid.value == ::getpid()) {
    throw Error(ErrorKind::kUsage, "pstuck cannot look at itself");
  }
  const Tid living = find_living_thread(candidate);
  refuse_traced(candidate);
  AccessibleProcess process{.pid = candidate.pid, .living = living};
  process.memory = open_memory(candidate, living);
  refuse_32_bit(candidate, living);
  process.pidfd = open_pidfd(candidate.pid);
  return process;
}

}  // namespace pstuck
