#include "attach/live_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "attach/clock.h"
#include "attach/error.h"
#include "attach/fork_parent.h"
#include "attach/live_capture.h"
#include "attach/live_kernel_facts.h"
#include "attach/live_threads.h"
#include "attach/modules.h"
#include "attach/page_map.h"
#include "attach/process_access.h"
#include "attach/semaphore_files.h"

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

// Threads that appear while others are captured are looked for again, this often at most.
constexpr int kMostRounds = 8;

class LiveMemory final : public Memory {
 public:
  LiveMemory(int descriptor, Tid process) : descriptor_(descriptor), pages_(process) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    return read_at(descriptor_, from.value, into);
  }

  PresentMemory find_present(AddressRange range) override { return pages_.find_present(range); }

 private:
  int descriptor_;
  PageMap pages_;
};

// The kernel cuts a task's name after 15 bytes; the program's file may have the rest.
std::string whole_name(const std::string& name, const std::string& executable) {
  constexpr std::size_t kLongestName = 15;
  std::string file = executable.substr(executable.rfind('/') + 1);
  return name.size() == kLongestName && file.starts_with(name) ? file : name;
}

class LiveTarget final : public Target {
 public:
  explicit LiveTarget(AccessibleProcess process)
      : process_(std::move(process)),
        directory_(proc_path(process_.pid)),
        living_(proc_path(process_.living)),
        tasks_(proc_path(process_.pid, "task")),
        memory_(process_.memory.get(), process_.living) {}

  Snapshot capture(const CaptureOptions& options) override;
  Memory& memory() override { return memory_; }
  std::optional<TaskElsewhere> find_task(Tid id_in_target) override;
  bool read_in_parent(Address from, std::span<std::byte> into) override {
    return fork_parent_ && fork_parent_->read(from, into);
  }
  std::optional<Look> look_again(std::span<const Tid> threads,
                                 std::span<const Address> locks) override;
  std::optional<Sample> sample(const Snapshot& snapshot, const SampleRequest& request) override;

 private:
  [[nodiscard]] Process read_process_facts() const;
  LiveProcess live_process(const Snapshot& snapshot) {
    return {process_.pid, living_, process_.pidfd.get(), memory_, snapshot.mappings};
  }
  void capture_threads(const CaptureOptions& options, Snapshot& snapshot);
  std::vector<LiveThread> read_new_threads(std::set<Tid>& known, const FactsClock& clock,
                                           bool nested) const;
  [[nodiscard]] std::string find_local_file(const Module& module,
                                            const std::vector<Mapping>& mappings) const;

  AccessibleProcess process_;
  ProcDirectory directory_;
  ProcDirectory living_;
  ProcDirectory tasks_;
  LiveMemory memory_;
  Process facts_;
  std::optional<ForkParent> fork_parent_;
};

Process LiveTarget::read_process_facts() const {
  Process facts{.pid = process_.pid, .pid_in_target = process_.pid};
  const ProcDirectory own("/proc/self");
  if (const auto text = directory_.read("stat")) {
    if (const auto stat = parse_stat(*text)) {
      facts.name = stat->name;
      facts.parent = stat->parent;
      const nanoseconds started = from_ticks(stat->start_ticks, ::sysconf(_SC_CLK_TCK));
      facts.age = std::max(nanoseconds(0), read_clock(CLOCK_BOOTTIME) - started);
    }
  }
  if (const auto text = directory_.read("status")) {
    const StatusFacts status = parse_status(*text);
    if (!status.ids_by_namespace.empty()) facts.pid_in_target = status.ids_by_namespace.back();
    facts.caught_signals = status.caught_signals;
  }
  facts.command_line = parse_command_line(living_.read("cmdline").value_or(""));
  facts.container_id = parse_container_id(directory_.read("cgroup").value_or(""));
  facts.executable = living_.read_link("exe");
  facts.name = whole_name(facts.name, facts.executable);
  facts.other_mount_namespace =
      living_.read_link("ns/mnt") != own.read_link("ns/mnt") || living_.read_link("root") != "/";
  facts.other_pid_namespace = living_.read_link("ns/pid") != own.read_link("ns/pid");
  struct stat space {};
  if (::stat(proc_path(process_.living, "ns/pid").c_str(), &space) == 0) {
    facts.pid_namespace = space.st_ino;
  }
  return facts;
}

std::vector<LiveThread> LiveTarget::read_new_threads(std::set<Tid>& known, const FactsClock& clock,
                                                     bool nested) const {
  std::vector<LiveThread> threads;
  for (const Tid id : tasks_.read_ids()) {
    if (!known.insert(id).second) continue;
    if (auto thread = read_thread_facts(tasks_, id, clock, nested)) {
      threads.push_back(std::move(*thread));
    }
  }
  return threads;
}

void LiveTarget::capture_threads(const CaptureOptions& options, Snapshot& snapshot) {
  const LiveProcess process = live_process(snapshot);
  const bool nested = snapshot.process.pid_in_target != snapshot.process.pid;
  const FactsClock clock = read_facts_clock();
  std::set<Tid> known;
  for (int round = 0; round < kMostRounds; ++round) {
    std::vector<LiveThread> threads = read_new_threads(known, clock, nested);
    if (threads.empty()) return;
    if (round > 0) snapshot.frozen = false;
    capture_stacks(process, threads, options, snapshot.longest_stop);
    for (LiveThread& thread : threads) {
      if (thread.snapshot.capture_reason == CaptureReason::kExited) continue;
      snapshot.threads.push_back(std::move(thread.snapshot));
    }
    if (options.progress) options.progress(snapshot.threads.size(), known.size());
  }
  snapshot.blind_spots.push_back(
      {BlindSpotKind::kThreadsKeptAppearing, fmt::format("{}", kMostRounds)});
}

// The kernel's own links lead to the mapped file also when its path was deleted or replaced.
std::string LiveTarget::find_local_file(const Module& module,
                                        const std::vector<Mapping>& mappings) const {
  if (module.path.empty() || module.path.front() != '/') return {};
  const auto mapping = std::ranges::lower_bound(mappings, module.start, {}, &Mapping::start);
  if (mapping == mappings.end() || mapping->start != module.start) return {};
  const std::string path =
      facts_.other_mount_namespace ? proc_path(process_.living, "root") + module.path : module.path;
  struct stat file {};
  if (!mapping->deleted && ::stat(path.c_str(), &file) == 0 && file.st_ino == mapping->inode) {
    return path;
  }
  std::string link =
      proc_path(process_.living,
                fmt::format("map_files/{:x}-{:x}", mapping->start.value, mapping->end.value));
  if (::access(link.c_str(), R_OK) == 0) return link;
  if (module.path == facts_.executable || facts_.executable == module.path + " (deleted)") {
    return proc_path(process_.living, "exe");
  }
  // On overlay file systems the inode numbers differ though the file is the same: the build ID,
  // which is compared before the file is used, has the last word.
  return path;
}

Snapshot LiveTarget::capture(const CaptureOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  facts_ = read_process_facts();
  fork_parent_ = ForkParent::find(living_, memory_, facts_.parent);
  if (fork_parent_) facts_.forked_from = fork_parent_->facts();
  Snapshot snapshot{.kind = TargetKind::kLive, .process = facts_, .frozen = options.freeze};
  snapshot.realtime = read_clock(CLOCK_REALTIME);
  snapshot.monotonic = read_clock(CLOCK_MONOTONIC);
  snapshot.mappings = parse_maps(living_.read("maps").value_or(""));
  find_semaphore_files(proc_path(process_.living, "root/dev/shm"), snapshot.mappings);
  capture_threads(options, snapshot);
  // From here on the target is running again.
  OpenDescriptors own;
  snapshot.kernel = read_kernel_facts(live_process(snapshot), snapshot.threads,
                                      options.descriptors ? *options.descriptors : own);
  if (snapshot.threads.empty()) {
    throw Error(ErrorKind::kExited,
                fmt::format("process {} exited while pstuck looked at it", process_.pid.value));
  }
  if (snapshot.mappings.empty()) {
    snapshot.blind_spots.push_back({BlindSpotKind::kMemoryMapUnreadable, ""});
  }
  std::ranges::sort(snapshot.threads, {}, &ThreadSnapshot::tid);
  snapshot.modules = find_modules(snapshot.mappings, memory_);
  for (Module& module : snapshot.modules) {
    module.local_file = find_local_file(module, snapshot.mappings);
  }
  snapshot.capture_took = std::chrono::steady_clock::now() - began;
  return snapshot;
}

std::optional<TaskElsewhere> LiveTarget::find_task(Tid id_in_target) {
  const auto describe = [&](Tid id) -> std::optional<TaskElsewhere> {
    const auto status_text = ProcDirectory(proc_path(id)).read("status");
    if (!status_text) return {};
    const Tid group = parse_status(*status_text).thread_group;
    const auto stat_text = ProcDirectory(proc_path(group)).read("stat");
    const auto stat = stat_text ? parse_stat(*stat_text) : std::nullopt;
    TaskElsewhere task{id, group, stat ? stat->name : "", group == facts_.parent};
    const ProcDirectory siblings(proc_path(group, "task"));
    const auto own = siblings.read(fmt::format("{}/stat", id.value));
    if (const auto own_stat = own ? parse_stat(*own) : std::nullopt) task.state = own_stat->state;
    const auto call = read_syscall(siblings, id);
    const bool in_call = call && call->syscall.state == SyscallState::kInSyscall;
    if (in_call && call->syscall.number >= 0) task.syscall = call->syscall.number;
    return task;
  };
  if (!facts_.other_pid_namespace) return describe(id_in_target);
  // Ids of another namespace cannot be looked up; of its tasks the parent's are the ones to ask.
  const ProcDirectory siblings(proc_path(facts_.parent, "task"));
  if (!siblings.exists()) return {};
  for (const Tid id : siblings.read_ids()) {
    const auto text = siblings.read(fmt::format("{}/status", id.value));
    const auto ids = text ? parse_status(*text).ids_by_namespace : std::vector<Tid>{};
    if (ids.size() > 1 && ids.back() == id_in_target) return describe(id);
  }
  return {};
}

std::optional<Look> LiveTarget::look_again(std::span<const Tid> threads,
                                           std::span<const Address> locks) {
  Look look{.monotonic = read_clock(CLOCK_MONOTONIC)};
  for (const Tid id : threads) look.threads.push_back(look_at_thread(tasks_, id));
  for (const Address lock : locks) {
    look.locks.push_back(memory_.read_object<std::array<std::byte, 24>>(lock));
  }
  return look;
}

std::optional<Sample> LiveTarget::sample(const Snapshot& snapshot, const SampleRequest& request) {
  Sample sample{.monotonic = read_clock(CLOCK_MONOTONIC)};
  const FactsClock clock{.boot = read_clock(CLOCK_BOOTTIME),
                         .ticks_per_second = ::sysconf(_SC_CLK_TCK)};
  std::vector<LiveThread> threads;
  for (const auto& ids : {request.captured, request.watched}) {
    for (const Tid id : ids) {
      LiveThread gone;
      gone.snapshot.tid = id;
      gone.snapshot.state = 'X';
      threads.push_back(read_thread_facts(tasks_, id, clock, false).value_or(std::move(gone)));
    }
  }
  capture_stacks(live_process(snapshot), std::span(threads).first(request.captured.size()),
                 {.stack_bytes = request.stack_bytes}, sample.longest_stop);
  for (LiveThread& thread : threads) sample.threads.push_back(std::move(thread.snapshot));
  return sample;
}

}  // namespace

std::unique_ptr<Target> open_live_target(Tid id) {
  return std::make_unique<LiveTarget>(open_process(id));
}

}  // namespace pstuck
