#include "attach/live_kernel_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "attach/call_subject.h"
#include "attach/open_files.h"

// A thread that sleeps in a call names a descriptor, or a child. What that leads to is asked of
// /proc; and where others must act before the call returns, of the /proc of all processes who they
// are:
//
//     read(5)    5 ──▶ pipe:[123] ◀── written by process 4711
//     flock(6)   6 ──▶ /run/x.lock ◀── locked through a descriptor of process 4712
//     wait4(-1)  ◀── the children 4713, 4714
//
// /proc/locks would name who took a lock, who may have ended and left it to a child; so holders are
// those who have it through a descriptor now.
//
// All is bounded; what was left out is said.

namespace pstuck {
namespace {

constexpr std::size_t kMostFiles = 4096;
constexpr std::size_t kMostProcesses = 1 << 16;
constexpr std::size_t kMostLookedAt = 1 << 20;  // descriptors of other processes
constexpr std::size_t kMostTold = 1024;         // children, users of files, locks

// How long all threads together may take to sleep again.
constexpr std::chrono::milliseconds kPatience{50};
constexpr std::chrono::milliseconds kPause{1};

bool is_in_call_of(const Syscall& before, const ThreadLook& look) {
  return look.syscall.state == SyscallState::kInSyscall &&
         look.syscall.arguments == before.arguments;
}

class KernelFactsReader {
 public:
  explicit KernelFactsReader(const LiveProcess& process)
      : process_(process), tasks_(proc_path(process.pid, "task")) {}

  KernelFacts read(std::span<const ThreadSnapshot> threads) && {
    std::vector<ThreadLook> before;
    for (const ThreadSnapshot& thread : threads) {
      const auto subject = find_subject(thread);
      if (!subject || subject->act == CallAct::kFutex) continue;
      const auto look = look_until_asleep(thread);
      if (look) {
        before.push_back(*look);
        look_at(*subject);
      } else {
        facts_.moved.push_back(thread.tid);
      }
    }
    if (!wanted_.empty() || wants_children_) look_at_processes();
    for (const FileUser& user : facts_.users) concerned_.insert(user.process);
    for (const HeldFileLock& lock : facts_.locks) concerned_.insert(lock.process);
    concerned_.erase(process_.pid);
    if (!concerned_.empty()) count_namespaces();
    for (const Tid process : concerned_) describe(process);
    for (auto& [descriptor, file] : files_) {
      if (file) facts_.files.push_back(std::move(*file));
    }
    for (const ThreadLook& look : before) note_if_moved(look);
    std::ranges::sort(facts_.moved);
    std::ranges::sort(facts_.users);
    std::ranges::sort(facts_.locks);
    return std::move(facts_);
  }

 private:
  [[nodiscard]] std::optional<CallSubject> find_subject(const ThreadSnapshot& thread) const;
  void look_at(const CallSubject& subject);
  std::optional<ThreadLook> look_until_asleep(const ThreadSnapshot& thread);
  void note_if_moved(const ThreadLook& before);
  void count_namespaces();
  const OpenFile* file_at(std::int32_t descriptor);
  void look_at_processes();
  [[nodiscard]] bool may_be_wanted(const std::string& link) const;
  void look_at_files_of(Tid process);
  void describe(Tid process);

  const LiveProcess& process_;
  ProcDirectory tasks_;
  KernelFacts facts_;
  std::map<std::int32_t, std::optional<OpenFile>> files_;  // by descriptor
  std::set<FileId> wanted_;                                // whose users or locks are looked for
  bool wants_children_ = false;
  std::set<Tid> concerned_;
  Mounts mounts_;
  std::chrono::milliseconds patience_ = kPatience;
  std::size_t looked_at_ = 0;
  std::size_t namespaces_ = 0;  // that the target has an id in
};

const OpenFile* KernelFactsReader::file_at(std::int32_t descriptor) {
  if (files_.size() >= kMostFiles && !files_.contains(descriptor)) return nullptr;
  const auto [entry, is_new] = files_.try_emplace(descriptor);
  if (is_new) {
    entry->second = read_open_file(process_.directory, process_.pidfd, descriptor, mounts_);
    const auto& file = entry->second;
    if (file && file->process) concerned_.insert(*file->process);
  }
  return entry->second ? &*entry->second : nullptr;
}

/// A thread that was let go from its stop a moment ago sleeps again as soon as it gets a processor.
/// None for one that does not come back to its call.
std::optional<ThreadLook> KernelFactsReader::look_until_asleep(const ThreadSnapshot& thread) {
  ThreadLook look = look_at_thread(tasks_, thread.tid);
  while (!is_in_call_of(thread.syscall, look)) {
    if (patience_ <= kPause) return {};
    patience_ -= kPause;
    std::this_thread::sleep_for(kPause);
    look = look_at_thread(tasks_, thread.tid);
  }
  return look;
}

/// What the calls are about is asked between two looks: a thread that ran meanwhile may wait for
/// something else by now, or have got it.
void KernelFactsReader::note_if_moved(const ThreadLook& before) {
  const ThreadLook after = look_at_thread(tasks_, before.tid);
  if (!is_in_call_of(before.syscall, after) || before.switches != after.switches) {
    facts_.moved.push_back(before.tid);
  }
}

void KernelFactsReader::count_namespaces() {
  const auto status = process_.directory.read("status");
  if (status) namespaces_ = parse_status(*status).ids_by_namespace.size();
}

std::optional<CallSubject> KernelFactsReader::find_subject(const ThreadSnapshot& thread) const {
  if (thread.syscall.state != SyscallState::kInSyscall) return {};
  return find_call_subject(thread.syscall.number, thread.syscall.arguments, process_.memory);
}

void KernelFactsReader::look_at(const CallSubject& subject) {
  for (const std::int32_t descriptor : subject.descriptors) {
    const OpenFile* const file = file_at(descriptor);
    if (!file) continue;
    switch (subject.act) {
      case CallAct::kRead:
      case CallAct::kWrite:
        if (file->other_end) wanted_.insert(*file->other_end);
        break;
      case CallAct::kFlock:
      case CallAct::kFcntl:
        if (file->id) wanted_.insert(*file->id);
        break;
      default:
        break;
    }
  }
  if (subject.act == CallAct::kChild || subject.act == CallAct::kVfork) wants_children_ = true;
}

void KernelFactsReader::look_at_processes() {
  const ProcDirectory all("/proc");
  std::size_t children = 0;
  std::vector<Tid> processes = all.read_ids();
  if (processes.size() > kMostProcesses) {
    processes.resize(kMostProcesses);
    facts_.some_not_seen = true;
  }
  for (const Tid process : processes) {
    if (!wanted_.empty()) look_at_files_of(process);
    if (!wants_children_ || children >= kMostTold) continue;
    const auto text = all.read(fmt::format("{}/stat", process.value));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat || stat->parent != process_.pid) continue;
    concerned_.insert(process);
    facts_.some_not_seen = facts_.some_not_seen || ++children == kMostTold;
  }
}

/// Most descriptors are left out by their name alone: "pipe:[123]" tells all.
bool KernelFactsReader::may_be_wanted(const std::string& link) const {
  return std::ranges::any_of(wanted_, [&](const FileId& id) {
    if (link.starts_with('/')) return id.device != 0;
    return id.device == 0 && link.ends_with(fmt::format("[{}]", id.inode));
  });
}

void KernelFactsReader::look_at_files_of(Tid process) {
  const ProcDirectory directory(proc_path(process));
  const ProcDirectory descriptors(proc_path(process, "fd"));
  if (!directory.exists()) return;
  const std::vector<Tid> numbers = descriptors.read_ids();
  // One whose first thread has ended shows none, though its other threads have them.
  const bool is_hidden =
      numbers.empty() && ProcDirectory(proc_path(process, "task")).read_ids().size() > 1;
  if (!descriptors.exists() || is_hidden) facts_.some_not_seen = true;
  for (const Tid number : numbers) {
    if (++looked_at_ > kMostLookedAt || facts_.users.size() > kMostTold ||
        facts_.locks.size() > kMostTold) {
      facts_.some_not_seen = true;
      return;
    }
    if (!may_be_wanted(directory.read_link(fmt::format("fd/{}", number.value)))) continue;
    const auto look = look_at_descriptor(directory, number.value, mounts_);
    if (!look || !look->id || !wanted_.contains(*look->id)) continue;
    facts_.users.push_back({.file = *look->id,
                            .process = process,
                            .reads = look->facts.reads(),
                            .writes = look->facts.writes()});
    for (HeldFileLock lock : look->facts.locks) {
      lock.file = *look->id;
      lock.process = process;
      facts_.locks.push_back(lock);
    }
  }
}

void KernelFactsReader::describe(Tid process) {
  const ProcDirectory directory(proc_path(process));
  const auto text = directory.read("stat");
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (!stat) return;
  OtherProcess other{
      .pid = process, .parent = stat->parent, .name = stat->name, .state = stat->state};
  other.command_line = parse_command_line(directory.read("cmdline").value_or(""));
  if (const auto status = directory.read("status")) {
    const auto ids = parse_status(*status).ids_by_namespace;
    if (namespaces_ > 0 && ids.size() >= namespaces_) other.pid_in_target = ids[namespaces_ - 1];
  }
  if (const auto call = directory.read("syscall")) {
    const auto facts = parse_syscall(*call);
    const bool sleeps = facts && facts->syscall.state == SyscallState::kInSyscall;
    if (sleeps) other.syscall = facts->syscall.number;
  }
  facts_.processes.push_back(std::move(other));
}

}  // namespace

KernelFacts read_kernel_facts(const LiveProcess& process, std::span<const ThreadSnapshot> threads) {
  return KernelFactsReader(process).read(threads);
}

}  // namespace pstuck
