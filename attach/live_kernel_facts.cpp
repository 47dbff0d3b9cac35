#include "attach/live_kernel_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

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
constexpr std::size_t kMostTold = 1024;         // children, or users of one's files

class KernelFactsReader {
 public:
  explicit KernelFactsReader(const LiveProcess& process) : process_(process) {}

  KernelFacts read(std::span<const ThreadSnapshot> threads) && {
    for (const ThreadSnapshot& thread : threads) look_at(thread);
    if (!wanted_.empty() || wants_children_) look_at_processes();
    for (const FileUser& user : facts_.users) concerned_.insert(user.process);
    for (const HeldFileLock& lock : facts_.locks) concerned_.insert(lock.process);
    concerned_.erase(process_.pid);
    for (const Tid process : concerned_) describe(process);
    for (auto& [descriptor, file] : files_) {
      if (file) facts_.files.push_back(std::move(*file));
    }
    std::ranges::sort(facts_.users);
    std::ranges::sort(facts_.locks);
    return std::move(facts_);
  }

 private:
  void look_at(const ThreadSnapshot& thread);
  const OpenFile* file_at(std::int32_t descriptor);
  void look_at_processes();
  void look_at_files_of(Tid process);
  void describe(Tid process);

  const LiveProcess& process_;
  KernelFacts facts_;
  std::map<std::int32_t, std::optional<OpenFile>> files_;  // by descriptor
  std::set<FileId> wanted_;                                // whose users or locks are looked for
  bool wants_children_ = false;
  std::set<Tid> concerned_;
  std::size_t looked_at_ = 0;
};

const OpenFile* KernelFactsReader::file_at(std::int32_t descriptor) {
  if (files_.size() >= kMostFiles && !files_.contains(descriptor)) return nullptr;
  const auto [entry, is_new] = files_.try_emplace(descriptor);
  if (is_new) {
    entry->second = read_open_file(process_.directory, process_.pidfd, descriptor);
    const auto& file = entry->second;
    if (file && file->socket && file->socket->peer) concerned_.insert(*file->socket->peer);
    if (file && file->process) concerned_.insert(*file->process);
  }
  return entry->second ? &*entry->second : nullptr;
}

void KernelFactsReader::look_at(const ThreadSnapshot& thread) {
  if (thread.syscall.state != SyscallState::kInSyscall) return;
  const auto subject =
      find_call_subject(thread.syscall.number, thread.syscall.arguments, process_.memory);
  if (!subject) return;
  for (const std::int32_t descriptor : subject->descriptors) {
    const OpenFile* const file = file_at(descriptor);
    if (!file) continue;
    switch (subject->act) {
      case CallAct::kRead:
      case CallAct::kWrite:
      case CallAct::kTransfer:
        if (file->kind == FileKind::kPipe) wanted_.insert(file->id);
        break;
      case CallAct::kFlock:
      case CallAct::kFcntl:
        wanted_.insert(file->id);
        break;
      default:
        break;
    }
  }
  if (subject->act == CallAct::kChild || subject->act == CallAct::kVfork) wants_children_ = true;
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
    ++children;
  }
}

void KernelFactsReader::look_at_files_of(Tid process) {
  const ProcDirectory directory(proc_path(process));
  const ProcDirectory descriptors(proc_path(process, "fd"));
  if (!directory.exists()) return;
  if (!descriptors.exists()) facts_.some_not_seen = true;
  for (const Tid number : descriptors.read_ids()) {
    if (++looked_at_ > kMostLookedAt || facts_.users.size() > kMostTold ||
        facts_.locks.size() > kMostTold) {
      facts_.some_not_seen = true;
      return;
    }
    const auto id = find_file_id(directory, number.value);
    if (!id || !wanted_.contains(*id)) continue;
    const auto text = directory.read(fmt::format("fdinfo/{}", number.value));
    if (!text) continue;
    const DescriptorFacts descriptor = parse_descriptor(*text);
    facts_.users.push_back({.file = *id,
                            .process = process,
                            .reads = descriptor.reads(),
                            .writes = descriptor.writes()});
    for (HeldFileLock lock : descriptor.locks) {
      lock.file = *id;
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
  OtherProcess other{.pid = process,
                     .parent = stat->parent,
                     .pid_in_namespace = process,
                     .name = stat->name,
                     .state = stat->state};
  other.command_line = parse_command_line(directory.read("cmdline").value_or(""));
  if (const auto status = directory.read("status")) {
    const auto ids = parse_status(*status).ids_by_namespace;
    if (!ids.empty()) other.pid_in_namespace = ids.back();
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
