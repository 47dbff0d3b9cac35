#include "attach/syscalls.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

constexpr bool kDisturbed = true;
constexpr bool kIdle = true;
constexpr std::int64_t kNone = -1;

// Ascending by number; the second number is AArch64's (asm-generic/unistd.h). A write that has put
// a part of its bytes into a pipe or a socket is cut short by a stop: it returns how many these
// were. ioctl is left alone since a driver may do as it likes with a signal.
constexpr BlockingCall kCalls[] = {
    {SYS_read, 63, "read", CallAct::kRead, false, false},
    {SYS_write, 64, "write", CallAct::kWrite, kDisturbed, false},
    {SYS_open, kNone, "open", CallAct::kOpen, false, false},
    {SYS_poll, kNone, "poll", CallAct::kPoll, false, kIdle},
    {SYS_ioctl, 29, "ioctl", CallAct::kDevice, kDisturbed, false},
    {SYS_pread64, 67, "pread64", CallAct::kRead, false, false},
    {SYS_pwrite64, 68, "pwrite64", CallAct::kWrite, false, false},
    {SYS_readv, 65, "readv", CallAct::kRead, false, false},
    {SYS_writev, 66, "writev", CallAct::kWrite, kDisturbed, false},
    {SYS_select, kNone, "select", CallAct::kSelect, false, kIdle},
    {SYS_msync, 227, "msync", CallAct::kSync, false, false},
    {SYS_pause, kNone, "pause", CallAct::kSignal, false, kIdle},
    {SYS_nanosleep, 101, "nanosleep", CallAct::kSleep, false, false},
    {SYS_sendfile, 71, "sendfile", CallAct::kTransfer, kDisturbed, false},
    {SYS_connect, 203, "connect", CallAct::kConnect, false, false},
    {SYS_accept, 202, "accept", CallAct::kAccept, false, kIdle},
    {SYS_sendto, 206, "sendto", CallAct::kWrite, kDisturbed, false},
    {SYS_recvfrom, 207, "recvfrom", CallAct::kRead, false, false},
    {SYS_sendmsg, 211, "sendmsg", CallAct::kWrite, kDisturbed, false},
    {SYS_recvmsg, 212, "recvmsg", CallAct::kRead, false, false},
    {SYS_vfork, kNone, "vfork", CallAct::kVfork, false, false},
    {SYS_wait4, 260, "wait4", CallAct::kChild, false, false},
    {SYS_semop, 193, "semop", CallAct::kSemaphores, kDisturbed, false},
    {SYS_msgsnd, 189, "msgsnd", CallAct::kSendMessage, false, false},
    {SYS_msgrcv, 188, "msgrcv", CallAct::kGetMessage, false, kIdle},
    {SYS_fcntl, 25, "fcntl", CallAct::kFcntl, false, false},
    {SYS_flock, 32, "flock", CallAct::kFlock, false, false},
    {SYS_fsync, 82, "fsync", CallAct::kSync, false, false},
    {SYS_fdatasync, 83, "fdatasync", CallAct::kSync, false, false},
    {SYS_rt_sigtimedwait, 137, "rt_sigtimedwait", CallAct::kSignal, kDisturbed, kIdle},
    {SYS_rt_sigsuspend, 133, "rt_sigsuspend", CallAct::kSignal, false, kIdle},
    {kFutexCall, 98, "futex", CallAct::kFutex, false, false},
    {SYS_io_getevents, 4, "io_getevents", CallAct::kEvents, kDisturbed, kIdle},
    {kRestartSyscall, 128, "restart_syscall", CallAct::kRestart, false, false},
    {SYS_semtimedop, 192, "semtimedop", CallAct::kSemaphores, kDisturbed, false},
    {SYS_clock_nanosleep, 115, "clock_nanosleep", CallAct::kSleep, false, false},
    {SYS_epoll_wait, kNone, "epoll_wait", CallAct::kEpoll, kDisturbed, kIdle},
    {SYS_mq_timedsend, 182, "mq_timedsend", CallAct::kWrite, false, false},
    {SYS_mq_timedreceive, 183, "mq_timedreceive", CallAct::kRead, false, kIdle},
    {SYS_waitid, 95, "waitid", CallAct::kChild, false, false},
    {SYS_openat, 56, "openat", CallAct::kOpen, false, false},
    {SYS_pselect6, 72, "pselect6", CallAct::kSelect, false, kIdle},
    {SYS_ppoll, 73, "ppoll", CallAct::kPoll, false, kIdle},
    {SYS_splice, 76, "splice", CallAct::kTransfer, kDisturbed, false},
    {SYS_tee, 77, "tee", CallAct::kTransfer, kDisturbed, false},
    {SYS_vmsplice, 75, "vmsplice", CallAct::kWrite, kDisturbed, false},
    {SYS_epoll_pwait, 22, "epoll_pwait", CallAct::kEpoll, kDisturbed, kIdle},
    {SYS_accept4, 242, "accept4", CallAct::kAccept, false, kIdle},
    {SYS_preadv, 69, "preadv", CallAct::kRead, false, false},
    {SYS_pwritev, 70, "pwritev", CallAct::kWrite, kDisturbed, false},
    {SYS_recvmmsg, 243, "recvmmsg", CallAct::kRead, kDisturbed, false},
    {SYS_sendmmsg, 269, "sendmmsg", CallAct::kWrite, kDisturbed, false},
    {SYS_preadv2, 286, "preadv2", CallAct::kRead, false, false},
    {SYS_pwritev2, 287, "pwritev2", CallAct::kWrite, kDisturbed, false},
    {SYS_io_pgetevents, 292, "io_pgetevents", CallAct::kEvents, kDisturbed, kIdle},
    {SYS_io_uring_enter, 426, "io_uring_enter", CallAct::kEvents, kDisturbed, kIdle},
    {SYS_epoll_pwait2, 441, "epoll_pwait2", CallAct::kEpoll, kDisturbed, kIdle},
    {449, 449, "futex_waitv", CallAct::kFutex, false, false},  // not in Debian 12's headers
};

static_assert(std::ranges::is_sorted(kCalls, {}, &BlockingCall::number));

}  // namespace

const BlockingCall* find_blocking_call(std::int64_t number) {
  const auto* found = std::ranges::lower_bound(kCalls, number, {}, &BlockingCall::number);
  return found != std::end(kCalls) && found->number == number ? found : nullptr;
}

const BlockingCall* find_aarch64_call(std::uint64_t number) {
  const auto* found = std::ranges::find_if(kCalls, [&](const BlockingCall& call) {
    return call.aarch64 != kNone && static_cast<std::uint64_t>(call.aarch64) == number;
  });
  return found != std::end(kCalls) ? found : nullptr;
}

const BlockingCall* find_blocking_call(std::string_view name) {
  const auto* found = std::ranges::find(kCalls, name, &BlockingCall::name);
  return found != std::end(kCalls) ? found : nullptr;
}

}  // namespace pstuck
