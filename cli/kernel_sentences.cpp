#include <fmt/format.h>

#include <algorithm>

#include "cli/escape.h"
#include "cli/sentences.h"
#include "cli/wait_words.h"
#include "cli/words.h"

// What a thread waits for that sleeps in the kernel, and which process must act.

namespace pstuck {
namespace {

constexpr std::size_t kShownProcesses = 4;
constexpr std::size_t kComparedThreads = 64;
constexpr std::size_t kWidestReason = 128;

std::string_view nameless_words(FileKind kind) {
  switch (kind) {
    case FileKind::kPipe:
      return "a pipe";
    case FileKind::kSocket:
      return "a socket";
    case FileKind::kEventfd:
      return "an eventfd";
    case FileKind::kTimerfd:
      return "a timerfd";
    case FileKind::kSignalfd:
      return "a signalfd";
    case FileKind::kInotify:
      return "an inotify descriptor";
    case FileKind::kEpoll:
      return "an epoll descriptor";
    case FileKind::kIoUring:
      return "an io_uring";
    case FileKind::kPidfd:
      return "a pidfd";
    default:
      return {};
  }
}

std::string_view path_kind_words(FileKind kind) {
  switch (kind) {
    case FileKind::kPipe:
      return "FIFO ";
    case FileKind::kTerminal:
      return "terminal ";
    case FileKind::kDevice:
      return "device ";
    case FileKind::kMessageQueue:
      return "POSIX message queue ";
    default:
      return {};
  }
}

/// What a thread wants of the file, up to the file's name.
std::string_view words_before_file(const KernelWait& wait) {
  switch (wait.subject.act) {
    case CallAct::kRead:
      return "for data from";
    case CallAct::kWrite:
      return "for room in";
    case CallAct::kTransfer:
      return "to copy from";
    case CallAct::kAccept:
    case CallAct::kConnect:
      return "for a connection to";
    case CallAct::kFlock:
    case CallAct::kFcntl:
      return wait.subject.exclusive ? "for an exclusive lock of" : "for a shared lock of";
    case CallAct::kSync:
      return "for the disk to have";
    case CallAct::kDevice:
      return "for";
    default:
      return "for an event of";
  }
}

std::string_view deed_words(const OpenFile& file, bool is_read_here) {
  if (file.socket && file.socket->pending) return "accept";
  if (!is_read_here) return "read";
  return file.socket ? "answer" : "write";
}

/// What the processes that must act have to do with the file, or with the two of a transfer.
std::string_view deed_words(const KernelWait& wait, const std::vector<OpenFile>& files) {
  const OpenFile& first = files.at(wait.files.front());
  if (wait.subject.act != CallAct::kTransfer) {
    return deed_words(first, wait.subject.act != CallAct::kWrite);
  }
  const OpenFile& second = files.at(wait.files.back());
  if (first.kind == FileKind::kRegular) return deed_words(second, false);
  if (second.kind == FileKind::kRegular) return deed_words(first, true);
  return "fill or empty";
}

/// "which only A can read".
std::string part_words(const KernelWait& wait, const std::vector<OpenFile>& files,
                       const std::string& processes, bool alone) {
  const CallAct act = wait.subject.act;
  if (act == CallAct::kFlock || act == CallAct::kFcntl) return "held by " + processes;
  const std::string_view has_open = verb_for(wait.processes.size(), "has open to", "have open to");
  return fmt::format("which {}{} {} {}", alone ? "only " : "", processes,
                     wait.others_may_come ? has_open : "can", deed_words(wait, files));
}

}  // namespace

std::string Sentences::file(const OpenFile& file) const {
  if (file.socket) {
    const SocketFacts& socket = *file.socket;
    if (socket.remote.empty() && socket.local.empty()) {
      return with_article(printable(socket.protocol) + " socket");
    }
    if (socket.protocol == "Unix") {
      return "Unix socket " + code(socket.remote.empty() ? socket.local : socket.remote);
    }
    std::string text = socket.protocol + " " + code(socket.local);
    if (!socket.remote.empty()) text += " → " + code(socket.remote);
    const bool usual =
        socket.state.empty() || socket.state == "ESTABLISHED" || socket.state == "LISTEN";
    return usual ? text : fmt::format("{} ({})", text, socket.state);
  }
  const bool has_path = file.path.starts_with('/');
  if (!has_path || file.kind == FileKind::kSocket) {
    const std::string_view words = nameless_words(file.kind);
    return words.empty() ? code(file.path) : std::string(words);
  }
  return fmt::format("{}{}{}", path_kind_words(file.kind), code(file.path),
                     file.deleted ? " (deleted)" : "");
}

std::string Sentences::other_process(Tid pid) const {
  const Snapshot& snapshot = labels_.report().snapshot;
  if (pid == snapshot.process.pid) return "this process itself";
  const auto& processes = snapshot.kernel.processes;
  const auto found = std::ranges::find(processes, pid, &OtherProcess::pid);
  if (found == processes.end()) return fmt::format("process {}", pid.value);
  return ink_.name(fmt::format("{} (pid {})", printable(found->name, 64), pid.value));
}

std::string Sentences::must_act(const KernelWait& wait) const {
  std::vector<std::string> names;
  for (const Tid pid : wait.processes) {
    if (names.size() == kShownProcesses) break;
    names.push_back(other_process(pid));
  }
  if (wait.processes.size() > kShownProcesses) {
    names.push_back(fmt::format("{} more", wait.processes.size() - kShownProcesses));
  }
  return list_words(names);
}

std::string Sentences::lone_one_does(const KernelWait& wait, std::string_view before) const {
  if (detail_ == Detail::kOwn || wait.processes.size() != 1) return {};
  const Report& report = labels_.report();
  const Tid pid = wait.processes.front();
  const auto is_it = [&](const Report* other) { return other->snapshot.process.pid == pid; };
  const auto neighbour = std::ranges::find_if(report.neighbours, is_it);
  if (neighbour != report.neighbours.end() && !(*neighbour)->snapshot.threads.empty()) {
    const Sentences of_neighbour(**neighbour, ink_, Detail::kOwn);
    return fmt::format("{} {}", before, of_neighbour.activity(0));
  }
  const auto& processes = report.snapshot.kernel.processes;
  const auto found = std::ranges::find(processes, pid, &OtherProcess::pid);
  return found == processes.end()
             ? ""
             : fmt::format("{} {}", before, task_words(found->state, found->syscall));
}

std::string Sentences::want_of_child(const KernelWait& wait) const {
  const std::string_view end =
      wait.subject.act == CallAct::kVfork ? ", which it vforked, to execute a program" : "";
  if (wait.processes.size() > 1) return "for one of the children " + must_act(wait);
  if (wait.processes.size() == 1) {
    return fmt::format("for the child {}{}{}", must_act(wait), end,
                       lone_one_does(wait, end.empty() ? ", which" : "; it"));
  }
  if (wait.subject.group) return "for a child of a process group";
  if (wait.subject.child) return fmt::format("for the child {}", wait.subject.child->value);
  return fmt::format("for a child{}", end);
}

std::string Sentences::want_of_file(const KernelWait& wait) const {
  const auto& files = labels_.report().snapshot.kernel.files;
  const CallAct act = wait.subject.act;
  if (wait.files.empty() || wait.files.front() >= files.size()) {
    return fmt::format("{} descriptor {}", words_before_file(wait),
                       wait.subject.descriptors.front());
  }
  const OpenFile& first = files[wait.files.front()];
  if (first.process) return "for the end of " + other_process(*first.process);
  std::string text = fmt::format("{} {}", words_before_file(wait), file(first));
  if (act == CallAct::kConnect && first.socket && !wait.subject.address.empty()) {
    text = fmt::format("for a connection to {} {}", printable(first.socket->protocol),
                       code(wait.subject.address));
  }
  if (act == CallAct::kTransfer && wait.files.size() > 1) {
    text += " to " + file(files.at(wait.files[1]));
  }
  if (wait.processes.empty()) return text;
  const bool alone = wait.processes.size() == 1 && !labels_.report().snapshot.kernel.some_not_seen;
  const bool is_lock = act == CallAct::kFlock || act == CallAct::kFcntl;
  return fmt::format("{}, {}{}", text, part_words(wait, files, must_act(wait), alone),
                     lone_one_does(wait, is_lock ? ", which" : "; it"));
}

/// Of several descriptors none is told: the first of them would be as good as any.
std::string Sentences::want_of_any(const KernelWait& wait) const {
  const auto& files = labels_.report().snapshot.kernel.files;
  std::size_t count = wait.subject.descriptors.size();
  if (wait.subject.act == CallAct::kEpoll) {
    if (wait.files.empty() || wait.files.front() >= files.size()) return {};
    count = files[wait.files.front()].watches.size();
  } else if (count == 1) {
    return want_of_file(wait);
  }
  if (count == 0) return {};
  const std::string text =
      fmt::format("for work from {}{}", wait.subject.more_descriptors ? "more than " : "",
                  count_words(count, "descriptor", "descriptors"));
  return wait.processes.empty() ? text : text + ", which can come from " + must_act(wait);
}

std::string Sentences::want_of_path(const KernelWait& wait) const {
  const Snapshot& snapshot = labels_.report().snapshot;
  const std::string path = code(wait.subject.path);
  const Tid thread = snapshot.threads.at(wait.thread).tid;
  const auto& files = snapshot.kernel.to_open;
  const auto file = std::ranges::find(files, thread, &FileToOpen::thread);
  if (file == files.end()) return "to open " + path;
  const bool reads = wait.subject.reads;
  const bool is_met = std::ranges::any_of(snapshot.kernel.users, [&](const FileUser& user) {
    return user.file == file->id && (reads ? user.writes : user.reads);
  });
  const std::string text = fmt::format("to open {}{} to {}", path_kind_words(file->kind), path,
                                       reads ? "read" : "write");
  if (is_met || snapshot.kernel.some_not_seen) return text;
  const std::string alone =
      fmt::format("{}, which nobody has open to {}", text, reads ? "write" : "read");
  if (!wait.likely) return alone;
  return fmt::format("{} yet; likely to be opened by {}", alone, must_act(wait));
}

std::string Sentences::want_of_semaphore(const KernelWait& wait) const {
  const std::int32_t set = wait.subject.id.value_or(-1);
  const auto& semaphores = labels_.report().snapshot.kernel.semaphores;
  const auto found = std::ranges::find_if(semaphores, [&](const SemaphoreFacts& semaphore) {
    return semaphore.set == set && semaphore.number == wait.subject.semaphore;
  });
  if (found == semaphores.end()) return fmt::format("for the System V semaphores of set {}", set);
  std::string text = fmt::format("for System V semaphore {} of set {}, which is {}", found->number,
                                 set, found->value);
  if (found->last) text += fmt::format(" and was changed last by {}", other_process(*found->last));
  return text;
}

std::string Sentences::want_of_queue(const KernelWait& wait) const {
  const bool sends = wait.subject.act == CallAct::kSendMessage;
  const std::int32_t id = wait.subject.id.value_or(-1);
  std::string text =
      fmt::format("for {} System V message queue {}", sends ? "room in" : "a message of", id);
  const auto& queues = labels_.report().snapshot.kernel.queues;
  const auto queue = std::ranges::find(queues, id, &QueueFacts::id);
  if (queue == queues.end()) return text;
  const auto& last = sends ? queue->last_receiver : queue->last_sender;
  text += fmt::format(", which has {} of {} bytes", queue->bytes, queue->most_bytes);
  if (!last) return text + (sends ? " and was never read" : " and was never written");
  return fmt::format("{} and was last {} by {}", text, sends ? "read" : "written",
                     other_process(*last));
}

std::string Sentences::want(const KernelWait& wait) const {
  const CallSubject& subject = wait.subject;
  switch (subject.act) {
    case CallAct::kPoll:
    case CallAct::kSelect:
    case CallAct::kEpoll:
      return want_of_any(wait);
    case CallAct::kChild:
    case CallAct::kVfork:
      return subject.descriptors.empty() ? want_of_child(wait) : want_of_file(wait);
    case CallAct::kSemaphores:
      return want_of_semaphore(wait);
    case CallAct::kSendMessage:
    case CallAct::kGetMessage:
      return want_of_queue(wait);
    case CallAct::kSignal:
      return "for a signal";
    case CallAct::kOpen:
      return subject.path.empty() ? std::string() : want_of_path(wait);
    default:
      return subject.descriptors.empty() ? std::string() : want_of_file(wait);
  }
}

std::string Sentences::in_kernel(ThreadIndex index, std::size_t threads,
                                 std::string_view lasted) const {
  const ThreadStatus& status = labels_.status(index);
  const auto& waits = labels_.report().diagnosis.kernel_waits;
  std::string text = activity_words(status.activity, status.syscall, threads, lasted);
  if (!status.kernel_wait || *status.kernel_wait >= waits.size()) return text;
  const KernelWait& wait = waits[*status.kernel_wait];
  const std::string wanted = want(wait);
  if (!wanted.empty() && status.activity == Activity::kUninterruptible) {
    text += ", " + wanted;
  } else if (!wanted.empty()) {
    text = fmt::format("{} in {} {}", verb_so_long("waits", "wait", "waited", threads, lasted),
                       syscall_words(status.syscall), wanted);
  }
  const auto& deadline = wait.deadline;
  if (deadline && deadline->remaining && deadline->remaining->count() > 0) {
    text += fmt::format(", for {} more at most", duration_words(*deadline->remaining));
  }
  return text;
}

std::string Sentences::general_words(const ThreadGroup& group, std::size_t count) const {
  const auto& remarks = labels_.report().diagnosis.remarks;
  if (!group.remark || *group.remark >= remarks.size()) return group_words(group, count);
  const Remark& remark = remarks[*group.remark];
  const std::string reason = printable(remark.reason, kWidestReason);
  const std::string_view verb = verb_for(count, "waits", "wait");
  if (remark.says == Remark::Says::kIdle) return fmt::format("{} for work ({})", verb, reason);
  return fmt::format("{} for {}", verb, reason);
}

std::string Sentences::group(const ThreadGroup& group) const {
  const auto& threads = group.group.threads;
  const std::size_t count = threads.size();
  if (group.waits_for || group.remark || threads.empty() || count > kComparedThreads) {
    return general_words(group, count);
  }
  const std::string first = in_kernel(threads.front(), count);
  const bool alike = std::ranges::all_of(
      threads, [&](ThreadIndex thread) { return in_kernel(thread, count) == first; });
  return alike ? first : general_words(group, count);
}

}  // namespace pstuck
