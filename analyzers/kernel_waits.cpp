#include "analyzers/kernel_waits.h"

#include <algorithm>

#include "analyzers/waits/deadline.h"
#include "attach/call_subject.h"

namespace pstuck {
namespace {

bool has_name(const OpenFile& file) {
  const bool can_have = file.kind == FileKind::kPipe || file.kind == FileKind::kMessageQueue;
  return can_have && file.path.starts_with('/') && !file.deleted;
}

class KernelWaitFinder {
 public:
  KernelWaitFinder(const Snapshot& snapshot, Memory& memory)
      : snapshot_(snapshot), kernel_(snapshot.kernel), memory_(memory) {}

  [[nodiscard]] std::optional<KernelWait> find(ThreadIndex index, std::int64_t number) const {
    const ThreadSnapshot& thread = snapshot_.threads[index];
    auto subject = find_call_subject(number, thread.syscall.arguments, memory_);
    if (!subject || subject->act == CallAct::kFutex) return {};
    KernelWait wait{.thread = index, .subject = std::move(*subject)};
    for (const std::int32_t descriptor : wait.subject.descriptors) {
      if (const auto file = find_file(descriptor)) wait.files.push_back(*file);
    }
    if (!waits_for_device(index, wait)) wait.processes = find_processes(wait);
    if (wait.subject.act == CallAct::kOpen) {
      wait.processes = find_likely_openers(wait);
      wait.likely = !wait.processes.empty();
    }
    wait.others_may_come = may_others_come(wait);
    if (are_all_of_processes(wait.subject)) wait.needs = Needs::kAll;
    wait.deadline = read_call_deadline(number, thread, snapshot_, memory_);
    const auto limit = wait.deadline ? std::nullopt : find_socket_limit(wait);
    if (limit) wait.deadline = deadline_after(*limit, thread, snapshot_);
    return wait;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> find_file(std::int32_t descriptor) const {
    const auto file =
        std::ranges::lower_bound(kernel_.files, descriptor, {}, &OpenFile::descriptor);
    if (file == kernel_.files.end() || file->descriptor != descriptor) return {};
    return static_cast<std::size_t>(file - kernel_.files.begin());
  }

  [[nodiscard]] std::optional<std::chrono::nanoseconds> find_socket_limit(
      const KernelWait& wait) const {
    std::optional<std::chrono::nanoseconds> limit;
    const auto take = [&](std::size_t file,
                          std::optional<std::chrono::nanoseconds> SocketFacts::*timeout) {
      const auto& socket = kernel_.files[file].socket;
      if (!socket || !((*socket).*timeout)) return;
      limit = limit ? std::min(*limit, *((*socket).*timeout)) : *((*socket).*timeout);
    };
    const CallAct act = wait.subject.act;
    const bool transfers = act == CallAct::kTransfer;
    if (wait.files.empty() || wait.files.size() > (transfers ? 2U : 1U)) return {};
    if (act == CallAct::kRead || act == CallAct::kAccept || transfers) {
      take(wait.files.front(), &SocketFacts::receive_timeout);
    }
    if (act == CallAct::kWrite || act == CallAct::kConnect || transfers) {
      take(wait.files.back(), &SocketFacts::send_timeout);
    }
    return limit;
  }

  // What others do is waited for in a sleep that signals end, but for a vforked child: so a thread
  // that is in a deep one waits for a disk, as when it writes to a file what it has from a pipe.
  [[nodiscard]] bool waits_for_device(ThreadIndex index, const KernelWait& wait) const {
    constexpr char kUninterruptible = 'D';
    return snapshot_.threads[index].state == kUninterruptible &&
           wait.subject.act != CallAct::kVfork;
  }

  // Who must act before the call returns, as far as the kernel tells.
  [[nodiscard]] std::vector<Tid> find_processes(const KernelWait& wait) const {
    std::vector<Tid> processes;
    switch (wait.subject.act) {
      case CallAct::kRead:
        for (const std::size_t file : wait.files) {
          add_users(kernel_.files[file], &FileUser::writes, processes);
        }
        break;
      case CallAct::kWrite:
      case CallAct::kConnect:
        for (const std::size_t file : wait.files) {
          add_users(kernel_.files[file], &FileUser::reads, processes);
        }
        break;
      case CallAct::kTransfer:
        processes = find_ends_of_transfer(wait);
        break;
      case CallAct::kFlock:
      case CallAct::kFcntl:
        for (const std::size_t file : wait.files) {
          add_lock_holders(kernel_.files[file], wait.subject, processes);
        }
        break;
      case CallAct::kChild:
      case CallAct::kVfork:
        add_children(wait.subject, processes);
        for (const std::size_t file : wait.files) {
          if (kernel_.files[file].process) processes.push_back(*kernel_.files[file].process);
        }
        break;
      case CallAct::kPoll:
      case CallAct::kSelect:
        if (!wait.subject.more_descriptors) processes = find_wakers(wait.subject.descriptors);
        break;
      case CallAct::kEpoll:
        for (const std::size_t file : wait.files) {
          processes = find_wakers(kernel_.files[file].watches);
        }
        break;
      default:
        break;
    }
    std::ranges::sort(processes);
    processes.erase(std::unique(processes.begin(), processes.end()), processes.end());
    return processes;
  }

  [[nodiscard]] bool may_others_come(const KernelWait& wait) const {
    if (wait.processes.empty()) return false;
    const auto is_so = [&](std::int32_t descriptor) {
      const auto file = find_file(descriptor);
      return file && has_name(kernel_.files[*file]);
    };
    return std::ranges::any_of(wait.subject.descriptors, is_so) ||
           std::ranges::any_of(wait.files, [&](std::size_t file) {
             return std::ranges::any_of(kernel_.files[file].watches, is_so);
           });
  }

  // Which of its two files the thread waits for is not known, but that it is none on a disk. Empty
  // if one of the others has an end that nobody is known to have.
  [[nodiscard]] std::vector<Tid> find_ends_of_transfer(const KernelWait& wait) const {
    std::vector<Tid> ends;
    if (wait.files.size() != 2) return ends;
    for (const bool is_source : {true, false}) {
      const OpenFile& file = kernel_.files[wait.files[is_source ? 0 : 1]];
      if (file.kind == FileKind::kRegular) continue;
      const std::size_t before = ends.size();
      add_users(file, is_source ? &FileUser::writes : &FileUser::reads, ends);
      if (ends.size() == before) return {};
    }
    return ends;
  }

  // Of a FIFO that somebody has open as the thread waits for it nobody need open it.
  [[nodiscard]] std::vector<Tid> find_likely_openers(const KernelWait& wait) const {
    const Tid thread = snapshot_.threads[wait.thread].tid;
    const auto file = std::ranges::find(kernel_.to_open, thread, &FileToOpen::thread);
    if (file == kernel_.to_open.end() || kernel_.some_not_seen) return {};
    const bool is_met = std::ranges::any_of(kernel_.users, [&](const FileUser& user) {
      return user.file == file->id && (wait.subject.reads ? user.writes : user.reads);
    });
    return is_met ? std::vector<Tid>() : file->likely_openers;
  }

  // Empty if anybody unknown can wake the thread too.
  [[nodiscard]] std::vector<Tid> find_wakers(const std::vector<std::int32_t>& descriptors) const {
    std::vector<Tid> wakers;
    for (const std::int32_t descriptor : descriptors) {
      const auto file = find_file(descriptor);
      const std::size_t before = wakers.size();
      if (file) add_wakers(kernel_.files[*file], wakers);
      if (wakers.size() == before) return {};
    }
    return wakers;
  }

  void add_wakers(const OpenFile& file, std::vector<Tid>& wakers) const {
    if (file.process) wakers.push_back(*file.process);
    if (file.reads) add_users(file, &FileUser::writes, wakers);
    if (file.writes) add_users(file, &FileUser::reads, wakers);
  }

  void add_users(const OpenFile& file, bool FileUser::*use, std::vector<Tid>& processes) const {
    for (const FileUser& user : kernel_.users) {
      if (file.other_end && user.file == *file.other_end && user.*use)
        processes.push_back(user.process);
    }
  }

  // Locks of whole files and of parts of files know nothing of each other: flock(2). A process's
  // own lock of a part does not keep it from another: fcntl(2).
  void add_lock_holders(const OpenFile& file, const CallSubject& subject,
                        std::vector<Tid>& processes) const {
    for (const HeldFileLock& lock : kernel_.locks) {
      const bool same_family =
          (lock.kind == FileLockKind::kFlock) == (subject.act == CallAct::kFlock);
      const bool is_own = subject.is_of_process && lock.kind == FileLockKind::kPosix &&
                          lock.process == snapshot_.process.pid;
      const bool meets = !subject.bytes ||
                         (lock.start <= subject.bytes->second && subject.bytes->first <= lock.last);
      const bool conflicts = (lock.exclusive || subject.exclusive) && meets && !is_own;
      if (lock.file == file.id && same_family && conflicts) processes.push_back(lock.process);
    }
  }

  [[nodiscard]] bool are_all_of_processes(const CallSubject& subject) const {
    return subject.act == CallAct::kFcntl &&
           std::ranges::all_of(kernel_.locks, [](const HeldFileLock& lock) {
             return lock.kind != FileLockKind::kOpenFile;
           });
  }

  void add_children(const CallSubject& subject, std::vector<Tid>& processes) const {
    // Which of them are in a process group is not known.
    if (!subject.descriptors.empty() || subject.group) return;
    for (const OtherProcess& process : kernel_.processes) {
      if (process.parent != snapshot_.process.pid) continue;
      if (!subject.child || *subject.child == process.pid_in_target) {
        processes.push_back(process.pid);
      }
    }
  }

  const Snapshot& snapshot_;
  const KernelFacts& kernel_;
  Memory& memory_;
};

bool may_wait(Activity activity) {
  return activity == Activity::kIdle || activity == Activity::kSleeps ||
         activity == Activity::kBlocked || activity == Activity::kUninterruptible;
}

}  // namespace

std::vector<KernelWait> find_kernel_waits(const Snapshot& snapshot, Memory& memory,
                                          std::vector<ThreadStatus>& threads) {
  const KernelWaitFinder finder(snapshot, memory);
  std::vector<KernelWait> waits;
  for (ThreadIndex i = 0; i < threads.size(); ++i) {
    if (!may_wait(threads[i].activity) || threads[i].syscall < 0) continue;
    if (std::ranges::binary_search(snapshot.kernel.moved, snapshot.threads[i].tid)) continue;
    auto wait = finder.find(i, threads[i].syscall);
    if (!wait) continue;
    threads[i].kernel_wait = waits.size();
    waits.push_back(std::move(*wait));
  }
  return waits;
}

}  // namespace pstuck
