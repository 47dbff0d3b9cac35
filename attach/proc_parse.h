#pragma once

/// Text from /proc as values: pure functions, total on any bytes. proc(5); fs/proc of Linux 6.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attach/snapshot.h"

namespace pstuck {

/// /proc/PID/stat. Times are in clock ticks (sysconf(_SC_CLK_TCK)).
struct StatFacts {
  std::string name;
  char state = '?';
  Tid parent;
  Tid group;  ///< process group
  Tid session;
  std::uint64_t flags = 0;               ///< PF_* of include/linux/sched.h
  std::uint64_t cpu_ticks = 0;           ///< user and system
  std::uint64_t kernel_ticks = 0;        ///< system alone
  std::uint64_t start_ticks = 0;         ///< since boot
  std::optional<std::size_t> processor;  ///< that it last ran on
};
std::optional<StatFacts> parse_stat(std::string_view text);

/// /proc/PID/status.
struct StatusFacts {
  Tid thread_group;
  Tid parent;
  Tid tracer;                         ///< 0: none
  std::vector<Tid> ids_by_namespace;  ///< outermost first; pstuck's own id first
  std::optional<std::uint32_t> user;  ///< effective
  std::uint64_t effective_capabilities = 0;
  std::uint64_t caught_signals = 0;  ///< bit n - 1: signal n
  std::optional<ContextSwitches> switches;
};
StatusFacts parse_status(std::string_view text);

/// /proc/PID/syscall.
struct SyscallFacts {
  Syscall syscall;
  bool running = false;  ///< on a processor: nothing else is known
  std::optional<Address> stack_pointer;
  std::optional<Address> program_counter;
};
std::optional<SyscallFacts> parse_syscall(std::string_view text);

/// /proc/PID/sched: when it last ran, on the scheduler's clock, and for how long in all.
struct SchedFacts {
  std::optional<std::chrono::nanoseconds> last_ran;
  std::optional<std::chrono::nanoseconds> cpu_time;  ///< as of the last tick while it runs
  std::optional<ContextSwitches> switches;
};
SchedFacts parse_sched(std::string_view text);

std::vector<Mapping> parse_maps(std::string_view text);

/// A descriptor as it was when it was put into an epoll set.
struct EpollWatch {
  std::int32_t descriptor = -1;
  std::uint64_t inode = 0;  ///< 0: not known
};

/// /proc/PID/fdinfo/N.
struct DescriptorFacts {
  std::uint64_t flags = 0;                 ///< of open(2)
  std::optional<std::uint64_t> mount;      ///< its id
  std::optional<std::uint64_t> inode;      ///< from Linux 5.14 on
  std::optional<Tid> process;              ///< of a pidfd, as pstuck's PID namespace counts
  std::optional<std::uint32_t> master_of;  ///< number of the pseudo-terminal
  std::vector<EpollWatch> watches;         ///< of an epoll descriptor
  std::vector<HeldFileLock> locks;  ///< held through it; their process and device are not set

  [[nodiscard]] bool reads() const;
  [[nodiscard]] bool writes() const;
};
DescriptorFacts parse_descriptor(std::string_view text);

/// /proc/PID/mountinfo: one mount.
struct MountFacts {
  std::uint64_t id = 0;      ///< counted over all mount namespaces
  std::uint64_t device = 0;  ///< as st_dev has it
  std::string point;         ///< where it is mounted, seen from the process's root
  std::string type;          ///< of the file system: "ext4", "nfs4"
  /// Directories that an overlay lies over, as who mounted it saw them; empty for others.
  std::vector<std::string> layers;
};
std::vector<MountFacts> parse_mounts(std::string_view text);

/// /proc/PID/cgroup: one hierarchy. That of version 2 has no controllers here.
struct ControlGroup {
  std::string controllers;  ///< "cpu,cpuacct"
  std::string path;         ///< in its hierarchy
};
std::vector<ControlGroup> parse_control_groups(std::string_view text);

/// /proc/PID/stack: names of functions, innermost first.
std::vector<std::string> parse_kernel_stack(std::string_view text);

/// Arguments separated by NUL; at most `most` of them.
std::vector<std::string> parse_command_line(std::string_view text, std::size_t most = 4096);

/// The 64 hexadecimal digits that container runtimes put into the cgroup's path; empty when none.
std::string parse_container_id(std::string_view cgroup);

}  // namespace pstuck
