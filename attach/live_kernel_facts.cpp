#include "attach/live_kernel_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "attach/call_subject.h"
#include "attach/freezer.h"
#include "attach/local_files.h"
#include "attach/open_files.h"
#include "attach/socket_peers.h"
#include "attach/system_v.h"

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

// Of so many who have a file open or locked it is read what they are; of the others only the ids.
constexpr std::size_t kMostDescribed = 64;

// How long all threads together may take to sleep again.
constexpr std::chrono::milliseconds kPatience{50};
constexpr std::chrono::milliseconds kPause{1};

bool is_in_call_of(const Syscall& before, const ThreadLook& look) {
  return look.syscall.state == SyscallState::kInSyscall &&
         look.syscall.arguments == before.arguments;
}

class KernelFactsReader {
 public:
  KernelFactsReader(const LiveProcess& process, OpenDescriptors& descriptors)
      : process_(process), descriptors_(descriptors), tasks_(proc_path(process.pid, "task")) {}

  /// Threads woke while the facts about them were read.
  [[nodiscard]] bool some_woke_again() const { return woke_again_; }

  /// To be called once.
  KernelFacts read(std::span<const ThreadSnapshot> threads) {
    std::vector<ThreadLook> before;
    for (const ThreadSnapshot& thread : threads) {
      const auto subject = find_subject(thread);
      if (!subject || subject->act == CallAct::kFutex) continue;
      const auto look = look_until_asleep(thread);
      if (look) {
        before.push_back(*look);
        look_at(*subject, thread.tid);
      } else {
        facts_.moved.push_back(thread.tid);
      }
    }
    if (!wanted_.empty() || wants_children_) look_at_processes();
    const std::size_t most = concerned_.size() + kMostDescribed;
    for (const HeldFileLock& lock : facts_.locks) {
      if (concerned_.size() < most) concerned_.insert(lock.process);
    }
    for (const FileUser& user : facts_.users) {
      if (concerned_.size() < most) concerned_.insert(user.process);
    }
    facts_.frozen_group = find_frozen_group(process_.directory, ProcDirectory("/proc/self"));
    concerned_.erase(process_.pid);
    if (!concerned_.empty()) count_namespaces();
    for (const Tid process : concerned_) describe(process);
    for (auto& [descriptor, file] : files_) {
      if (file) facts_.files.push_back(std::move(*file));
    }
    const std::size_t did_not_come_back = facts_.moved.size();
    for (const ThreadLook& look : before) note_if_moved(look);
    woke_again_ = facts_.moved.size() > did_not_come_back;
    std::ranges::sort(facts_.moved);
    std::ranges::sort(facts_.locks);
    return std::move(facts_);
  }

 private:
  [[nodiscard]] std::optional<CallSubject> find_subject(const ThreadSnapshot& thread) const;
  void look_at(const CallSubject& subject, Tid thread);
  void look_at_files(const CallSubject& subject);
  void look_at_path(const CallSubject& subject, Tid thread);
  void look_at_semaphores(std::int32_t set);
  void look_at_queue(std::int32_t queue);
  void take_for_queue(OpenFile& file);
  void look_for_listener(const std::string& address, OpenFile& file);
  void look_at_watched(const OpenFile& set);
  void want_other_end(const OpenFile& file);
  std::optional<ThreadLook> look_until_asleep(const ThreadSnapshot& thread);
  void note_if_moved(const ThreadLook& before);
  void count_namespaces();
  OpenFile* file_at(std::int32_t descriptor);
  void look_at_processes();
  void describe(Tid process);

  const LiveProcess& process_;
  OpenDescriptors& descriptors_;
  ProcDirectory tasks_;
  KernelFacts facts_;
  std::map<std::int32_t, std::optional<OpenFile>> files_;  // by descriptor
  std::set<FileId> wanted_;                                // whose users or locks are looked for
  bool wants_children_ = false;
  std::set<Tid> concerned_;
  std::chrono::milliseconds patience_ = kPatience;
  std::size_t namespaces_ = 0;  // that the target has an id in
  bool woke_again_ = false;
};

OpenFile* KernelFactsReader::file_at(std::int32_t descriptor) {
  if (files_.size() >= kMostFiles && !files_.contains(descriptor)) return nullptr;
  const auto [entry, is_new] = files_.try_emplace(descriptor);
  if (is_new) {
    entry->second =
        read_open_file(process_.directory, process_.pidfd, descriptor, descriptors_.mounts());
    auto& file = entry->second;
    if (file && file->process) concerned_.insert(*file->process);
    if (file) find_socket_peer(*file, process_.pid, descriptors_.sockets());
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

void KernelFactsReader::look_at(const CallSubject& subject, Tid thread) {
  switch (subject.act) {
    case CallAct::kChild:
    case CallAct::kVfork:
      wants_children_ = true;
      break;
    case CallAct::kOpen:
      return look_at_path(subject, thread);
    case CallAct::kSemaphores:
      return look_at_semaphores(*subject.id);
    case CallAct::kSendMessage:
    case CallAct::kGetMessage:
      return look_at_queue(*subject.id);
    default:
      break;
  }
  look_at_files(subject);
}

void KernelFactsReader::look_at_files(const CallSubject& subject) {
  for (const std::int32_t descriptor : subject.descriptors) {
    OpenFile* const file = file_at(descriptor);
    if (!file) continue;
    if (subject.of_queue) take_for_queue(*file);
    if (subject.act == CallAct::kConnect) look_for_listener(subject.address, *file);
    if (subject.act == CallAct::kFlock || subject.act == CallAct::kFcntl) {
      if (file->id) wanted_.insert(*file->id);
      continue;
    }
    want_other_end(*file);
    if (subject.act == CallAct::kEpoll) look_at_watched(*file);
  }
}

/// It is of a mount that no process sees, or of one where somebody has mounted the same file
/// system: both are known by what the open file says, which is in memory.
void KernelFactsReader::take_for_queue(OpenFile& file) {
  file.kind = FileKind::kMessageQueue;
  struct stat status {};
  const std::string link = fmt::format("fd/{}", file.descriptor);
  if (!file.id || !process_.directory.read_status_of(link, status)) return;
  if ((file.id->device & kUnlistedMount) != 0) {
    descriptors_.learn_mount(file.id->device & ~kUnlistedMount, status.st_dev);
  }
  file.id = FileId{status.st_dev, status.st_ino};
  file.other_end = file.id;
}

void KernelFactsReader::look_for_listener(const std::string& address, OpenFile& file) {
  const bool is_path = file.socket && file.socket->protocol == "Unix" && !address.starts_with('@');
  const auto at = is_path
                      ? find_local_file(process_.directory, "cwd", address, descriptors_.mounts())
                      : std::nullopt;
  find_listener(file, process_.pid, address,
                at ? std::optional(FileId{at->st_dev, at->st_ino}) : std::nullopt,
                descriptors_.sockets());
}

/// Nobody has the other end of a FIFO open while a thread waits to open it.
void KernelFactsReader::look_at_path(const CallSubject& subject, Tid thread) {
  const auto fifo = find_fifo_to_open(process_.directory, subject, descriptors_.mounts());
  if (!fifo) return;
  facts_.to_open.push_back({.thread = thread, .kind = FileKind::kPipe, .id = *fifo});
  facts_.to_open.back().likely_openers =
      descriptors_.fifo_openers().find(process_.pid, *fifo, subject.path, descriptors_.mounts());
  const auto& openers = facts_.to_open.back().likely_openers;
  concerned_.insert(openers.begin(), openers.end());
  wanted_.insert(*fifo);
}

void KernelFactsReader::look_at_semaphores(std::int32_t set) {
  const bool is_known =
      std::ranges::find(facts_.semaphores, set, &SemaphoreFacts::set) != facts_.semaphores.end();
  if (is_known || facts_.semaphores.size() >= kMostFiles) return;
  for (const SemaphoreFacts& semaphore : read_semaphores(process_.pid, set)) {
    facts_.semaphores.push_back(semaphore);
    if (semaphore.last) concerned_.insert(*semaphore.last);
  }
}

void KernelFactsReader::look_at_queue(std::int32_t queue) {
  const bool is_known =
      std::ranges::find(facts_.queues, queue, &QueueFacts::id) != facts_.queues.end();
  if (is_known || facts_.queues.size() >= kMostFiles) return;
  const auto read = read_queue_facts(process_.pid, queue);
  if (!read) return;
  facts_.queues.push_back(*read);
  for (const auto& process : {read->last_sender, read->last_receiver}) {
    if (process) concerned_.insert(*process);
  }
}

void KernelFactsReader::want_other_end(const OpenFile& file) {
  if (file.other_end) wanted_.insert(*file.other_end);
}

void KernelFactsReader::look_at_watched(const OpenFile& set) {
  if (set.watches.size() > kMostDescriptors) return;
  for (const std::int32_t descriptor : set.watches) {
    const OpenFile* const file = file_at(descriptor);
    if (file) want_other_end(*file);
  }
}

void KernelFactsReader::look_at_processes() {
  descriptors_.update();
  for (const FileId& file : wanted_) descriptors_.add_users(file, facts_);
  std::ranges::sort(facts_.users);
  facts_.users.erase(std::unique(facts_.users.begin(), facts_.users.end()), facts_.users.end());
  facts_.some_not_seen = facts_.some_not_seen || descriptors_.some_not_seen();
  if (!wants_children_) return;
  const std::vector<Tid> children = descriptors_.find_children(process_.pid);
  concerned_.insert(children.begin(), children.end());
  if (children.size() == OpenDescriptors::kMostTold) facts_.some_not_seen = true;
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

KernelFacts read_kernel_facts(const LiveProcess& process, std::span<const ThreadSnapshot> threads,
                              OpenDescriptors& descriptors) {
  // A thread that was let go from its stop a moment ago may sleep, wake and sleep once more before
  // its call goes on as if nothing had been.
  constexpr int kTries = 4;
  for (int i = 1;; ++i) {
    KernelFactsReader reader(process, descriptors);
    KernelFacts facts = reader.read(threads);
    if (!reader.some_woke_again() || i == kTries) return facts;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace pstuck
