#include "attach/syscalls.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

constexpr bool kDisturbed = true;
constexpr bool kIdle = true;

// Ascending by number. A write that has put a part of its bytes into a pipe or a socket is cut
// short by a stop: it returns how many these were. ioctl is left alone since a driver may do as it
// likes with a signal.
constexpr BlockingCall kCalls[] = {
    {SYS_read, "read", CallAct::kRead, false, false},
    {SYS_write, "write", CallAct::kWrite, kDisturbed, false},
    {SYS_open, "open", CallAct::kOpen, false, false},
    {SYS_poll, "poll", CallAct::kPoll, false, kIdle},
    {SYS_ioctl, "ioctl", CallAct::kDevice, kDisturbed, false},
    {SYS_pread64, "pread64", CallAct::kRead, false, false},
    {SYS_pwrite64, "pwrite64", CallAct::kWrite, false, false},
    {SYS_readv, "readv", CallAct::kRead, false, false},
    {SYS_writev, "writev", CallAct::kWrite, kDisturbed, false},
    {SYS_select, "select", CallAct::kSelect, false, kIdle},
    {SYS_msync, "msync", CallAct::kSync, false, false},
    {SYS_pause, "pause", CallAct::kSignal, false, kIdle},
    {SYS_nanosleep, "nanosleep", CallAct::kSleep, false, false},
    {SYS_sendfile, "sendfile", CallAct::kTransfer, kDisturbed, false},
    {SYS_connect, "connect", CallAct::kConnect, false, false},
    {SYS_accept, "accept", CallAct::kAccept, false, kIdle},
    {SYS_sendto, "sendto", CallAct::kWrite, kDisturbed, false},
    {SYS_recvfrom, "recvfrom", CallAct::kRead, false, false},
    {SYS_sendmsg, "sendmsg", CallAct::kWrite, kDisturbed, false},
    {SYS_recvmsg, "recvmsg", CallAct::kRead, false, false},
    {SYS_vfork, "vfork", CallAct::kVfork, false, false},
    {SYS_wait4, "wait4", CallAct::kChild, false, false},
    {SYS_semop, "semop", CallAct::kSemaphores, kDisturbed, false},
    {SYS_msgsnd, "msgsnd", CallAct::kSendMessage, false, false},
    {SYS_msgrcv, "msgrcv", CallAct::kGetMessage, false, kIdle},
    {SYS_fcntl, "fcntl", CallAct::kFcntl, false, false},
    {SYS_flock, "flock", CallAct::kFlock, false, false},
    {SYS_fsync, "fsync", CallAct::kSync, false, false},
    {SYS_fdatasync, "fdatasync", CallAct::kSync, false, false},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait", CallAct::kSignal, kDisturbed, kIdle},
    {SYS_rt_sigsuspend, "rt_sigsuspend", CallAct::kSignal, false, kIdle},
    {kFutexCall, "futex", CallAct::kFutex, false, false},
    {SYS_io_getevents, "io_getevents", CallAct::kEvents, kDisturbed, kIdle},
    {kRestartSyscall, "restart_syscall", CallAct::kRestart, false, false},
    {SYS_semtimedop, "semtimedop", CallAct::kSemaphores, kDisturbed, false},
    {SYS_clock_nanosleep, "clock_nanosleep", CallAct::kSleep, false, false},
    {SYS_epoll_wait, "epoll_wait", CallAct::kEpoll, kDisturbed, kIdle},
    {SYS_mq_timedsend, "mq_timedsend", CallAct::kWrite, false, false},
    {SYS_mq_timedreceive, "mq_timedreceive", CallAct::kRead, false, kIdle},
    {SYS_waitid, "waitid", CallAct::kChild, false, false},
    {SYS_openat, "openat", CallAct::kOpen, false, false},
    {SYS_pselect6, "pselect6", CallAct::kSelect, false, kIdle},
    {SYS_ppoll, "ppoll", CallAct::kPoll, false, kIdle},
    {SYS_splice, "splice", CallAct::kTransfer, kDisturbed, false},
    {SYS_tee, "tee", CallAct::kTransfer, kDisturbed, false},
    {SYS_vmsplice, "vmsplice", CallAct::kWrite, kDisturbed, false},
    {SYS_epoll_pwait, "epoll_pwait", CallAct::kEpoll, kDisturbed, kIdle},
    {SYS_accept4, "accept4", CallAct::kAccept, false, kIdle},
    {SYS_preadv, "preadv", CallAct::kRead, false, false},
    {SYS_pwritev, "pwritev", CallAct::kWrite, kDisturbed, false},
    {SYS_recvmmsg, "recvmmsg", CallAct::kRead, kDisturbed, false},
    {SYS_sendmmsg, "sendmmsg", CallAct::kWrite, kDisturbed, false},
    {SYS_preadv2, "preadv2", CallAct::kRead, false, false},
    {SYS_pwritev2, "pwritev2", CallAct::kWrite, kDisturbed, false},
    {SYS_io_pgetevents, "io_pgetevents", CallAct::kEvents, kDisturbed, kIdle},
    {SYS_io_uring_enter, "io_uring_enter", CallAct::kEvents, kDisturbed, kIdle},
    {SYS_epoll_pwait2, "epoll_pwait2", CallAct::kEpoll, kDisturbed, kIdle},
    {449, "futex_waitv", CallAct::kFutex, false, false},  // not in Debian 12's headers
};

static_assert(std::ranges::is_sorted(kCalls, {}, &BlockingCall::number));

}  // namespace

const BlockingCall* find_blocking_call(std::int64_t number) {
  const auto* found = std::ranges::lower_bound(kCalls, number, {}, &BlockingCall::number);
  return found != std::end(kCalls) && found->number == number ? found : nullptr;
}

const BlockingCall* find_blocking_call(std::string_view name) {
  const auto* found = std::ranges::find(kCalls, name, &BlockingCall::name);
  return found != std::end(kCalls) ? found : nullptr;
}

}  // namespace pstuck
