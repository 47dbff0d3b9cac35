#pragma once

#include <cstdint>
#include <string_view>

namespace pstuck {

/// What a thread wants from the kernel when it makes a call that can block.
enum class CallAct {
  kRead,      ///< data from the file of its first argument
  kWrite,     ///< room in the file of its first argument
  kTransfer,  ///< data from one file and room in another
  kAccept,    ///< a connection
  kConnect,
  kPoll,    ///< an event of any of some files: an array of pollfd …
  kSelect,  ///< … or three sets of descriptors …
  kEpoll,   ///< … or what an epoll descriptor watches
  kSleep,   ///< ends by itself with time
  kChild,   ///< a child's end or stop
  kVfork,   ///< that the child executes a program or ends
  kFlock,   ///< a lock of a whole file
  kFcntl,   ///< a lock of a part of a file, or something that does not block
  kOpen,
  kSync,         ///< that a file reaches the disk
  kSemaphores,   ///< of System V
  kSendMessage,  ///< room in a queue of System V …
  kGetMessage,   ///< … or a message
  kSignal,
  kEvents,  ///< the end of asynchronous input or output
  kDevice,  ///< what a driver makes of it
  kFutex,
  kRestart,  ///< of a call that a stop interrupted
};

/// What the project needs to know about one system call that can block.
struct BlockingCall {
  std::int64_t number;   ///< on x86-64: by it calls go everywhere in pstuck
  std::int64_t aarch64;  ///< -1 where that machine has no such call
  std::string_view name;
  CallAct act;
  /// It returns EINTR, or how far it has come, after a ptrace stop (measured on 6.18; signal(7)).
  bool stop_interrupts;
  bool idles;  ///< parking here is how threads wait for work: not evidence of a hang
};

inline constexpr std::int64_t kFutexCall = 202;
inline constexpr std::int64_t kRestartSyscall = 219;

/// Null for a call that is not in the table.
const BlockingCall* find_blocking_call(std::int64_t number);
const BlockingCall* find_blocking_call(std::string_view name);
const BlockingCall* find_aarch64_call(std::uint64_t number);

}  // namespace pstuck
