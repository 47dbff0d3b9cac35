#include "cli/json_words.h"

namespace pstuck {

std::string_view json_word(CallAct act) {
  switch (act) {
    case CallAct::kRead:
      return "read";
    case CallAct::kWrite:
      return "write";
    case CallAct::kTransfer:
      return "transfer";
    case CallAct::kAccept:
      return "accept";
    case CallAct::kConnect:
      return "connect";
    case CallAct::kPoll:
      return "poll";
    case CallAct::kSelect:
      return "select";
    case CallAct::kEpoll:
      return "epoll";
    case CallAct::kSleep:
      return "sleep";
    case CallAct::kChild:
      return "child";
    case CallAct::kVfork:
      return "vfork";
    case CallAct::kFlock:
      return "flock";
    case CallAct::kFcntl:
      return "fcntl_lock";
    case CallAct::kOpen:
      return "open";
    case CallAct::kSync:
      return "sync";
    case CallAct::kSemaphores:
      return "sysv_semaphores";
    case CallAct::kSendMessage:
      return "send_message";
    case CallAct::kGetMessage:
      return "get_message";
    case CallAct::kSignal:
      return "signal";
    case CallAct::kEvents:
      return "events";
    case CallAct::kDevice:
      return "device";
    case CallAct::kFutex:
      return "futex";
    case CallAct::kRestart:
      return "restart";
  }
  return {};
}

std::string_view json_word(FileKind kind) {
  switch (kind) {
    case FileKind::kRegular:
      return "regular";
    case FileKind::kDirectory:
      return "directory";
    case FileKind::kPipe:
      return "pipe";
    case FileKind::kSocket:
      return "socket";
    case FileKind::kTerminal:
      return "terminal";
    case FileKind::kDevice:
      return "device";
    case FileKind::kEventfd:
      return "eventfd";
    case FileKind::kTimerfd:
      return "timerfd";
    case FileKind::kSignalfd:
      return "signalfd";
    case FileKind::kInotify:
      return "inotify";
    case FileKind::kEpoll:
      return "epoll";
    case FileKind::kPidfd:
      return "pidfd";
    case FileKind::kIoUring:
      return "io_uring";
    case FileKind::kMessageQueue:
      return "message_queue";
    case FileKind::kOther:
      return "other";
  }
  return {};
}

}  // namespace pstuck
