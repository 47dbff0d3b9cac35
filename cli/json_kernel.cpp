#include "cli/json_kernel.h"

#include "cli/json_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

Json json_of_socket(const SocketFacts& socket) {
  return {{"protocol", socket.protocol},
          {"local", or_null(socket.local)},
          {"remote", or_null(socket.remote)},
          {"state", or_null(socket.state)},
          {"unread", or_null(socket.unread)},
          {"unsent", or_null(socket.unsent)},
          {"peer", or_null(socket.peer)},
          {"pending", socket.pending},
          {"receive_timeout_ns", or_null(socket.receive_timeout)},
          {"send_timeout_ns", or_null(socket.send_timeout)}};
}

Json json_of_file_id(const std::optional<FileId>& file) {
  if (!file) return {};
  return {{"device", file->device}, {"inode", file->inode}};
}

Json json_of_file(const OpenFile& file) {
  return {{"descriptor", file.descriptor},
          {"kind", json_word(file.kind)},
          {"path", or_null(file.path)},
          {"deleted", file.deleted},
          {"device", file.id ? Json(file.id->device) : Json()},
          {"inode", file.id ? Json(file.id->inode) : Json()},
          {"other_end", json_of_file_id(file.other_end)},
          {"socket", file.socket ? json_of_socket(*file.socket) : Json()},
          {"process", or_null(file.process)},
          {"watches", file.watches}};
}

Json json_of_semaphore(const CallSubject& subject, const KernelFacts& kernel) {
  if (subject.act != CallAct::kSemaphores || !subject.semaphore) return {};
  for (const SemaphoreFacts& semaphore : kernel.semaphores) {
    if (semaphore.set != subject.id || semaphore.number != *subject.semaphore) continue;
    return {{"number", semaphore.number},
            {"value", semaphore.value},
            {"wait_for_more", semaphore.wait_for_more},
            {"wait_for_zero", semaphore.wait_for_zero},
            {"last", or_null(semaphore.last)}};
  }
  return {};
}

Json json_of_queue(const CallSubject& subject, const KernelFacts& kernel) {
  if (subject.act != CallAct::kSendMessage && subject.act != CallAct::kGetMessage) return {};
  for (const QueueFacts& queue : kernel.queues) {
    if (queue.id != subject.id) continue;
    return {{"messages", queue.messages},
            {"bytes", queue.bytes},
            {"most_bytes", queue.most_bytes},
            {"last_sender", or_null(queue.last_sender)},
            {"last_receiver", or_null(queue.last_receiver)}};
  }
  return {};
}

Json json_of_file_to_open(Tid thread, const KernelFacts& kernel) {
  for (const FileToOpen& file : kernel.to_open) {
    if (file.thread == thread) return json_of_file_id(file.id);
  }
  return {};
}

}  // namespace

Json json_of_syscall(std::int64_t number) {
  if (number < 0) return {};
  return {{"number", number}, {"name", or_null(std::string(syscall_name(number)))}};
}

Json json_of_deadline(const std::optional<Deadline>& deadline) {
  if (!deadline) return {};
  return {{"clock", deadline->realtime ? "realtime" : "monotonic"},
          {"at_ns", deadline->at.count()},
          {"remaining_ns", or_null(deadline->remaining)}};
}

Json json_of_kernel_wait(const KernelWait& wait, const Snapshot& snapshot) {
  const KernelFacts& kernel = snapshot.kernel;
  const CallSubject& subject = wait.subject;
  return {{"act", json_word(subject.act)},
          {"descriptors", subject.descriptors},
          {"more_descriptors", subject.more_descriptors},
          {"files", list_of(wait.files,
                            [&](std::size_t file) { return json_of_file(kernel.files.at(file)); })},
          {"exclusive", subject.exclusive},
          {"child", or_null(subject.child)},
          {"group", or_null(subject.group)},
          {"id", or_null(subject.id)},
          {"semaphore", json_of_semaphore(subject, kernel)},
          {"queue", json_of_queue(subject, kernel)},
          {"path", or_null(subject.path)},
          {"opens", json_of_file_to_open(snapshot.threads.at(wait.thread).tid, kernel)},
          {"address", or_null(subject.address)},
          {"processes", list_of(wait.processes, [](Tid pid) { return Json(pid.value); })},
          {"likely", wait.likely},
          {"others_may_come", wait.others_may_come},
          {"deadline", json_of_deadline(wait.deadline)}};
}

Json json_of_process(const OtherProcess& process) {
  return {{"pid", process.pid.value},
          {"pid_in_target", process.pid_in_target.value},
          {"parent", process.parent.value},
          {"name", process.name},
          {"command_line", process.command_line},
          {"state", std::string(1, process.state)},
          {"syscall", json_of_syscall(process.syscall)}};
}

}  // namespace pstuck
