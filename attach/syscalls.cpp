#include "attach/syscalls.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

constexpr bool kDisturbed = true;
constexpr bool kIdle = true;
constexpr bool kSleep = true;

// Ascending by number. ioctl is left alone since a driver may do as it likes with a signal.
constexpr BlockingCall kCalls[] = {
    {SYS_read, "read", false, false, false},
    {SYS_write, "write", false, false, false},
    {SYS_open, "open", false, false, false},
    {SYS_poll, "poll", false, kIdle, false},
    {SYS_ioctl, "ioctl", kDisturbed, false, false},
    {SYS_pread64, "pread64", false, false, false},
    {SYS_pwrite64, "pwrite64", false, false, false},
    {SYS_readv, "readv", false, false, false},
    {SYS_writev, "writev", false, false, false},
    {SYS_select, "select", false, kIdle, false},
    {SYS_msync, "msync", false, false, false},
    {SYS_pause, "pause", false, kIdle, false},
    {SYS_nanosleep, "nanosleep", false, false, kSleep},
    {SYS_sendfile, "sendfile", false, false, false},
    {SYS_connect, "connect", false, false, false},
    {SYS_accept, "accept", false, kIdle, false},
    {SYS_sendto, "sendto", false, false, false},
    {SYS_recvfrom, "recvfrom", false, false, false},
    {SYS_sendmsg, "sendmsg", false, false, false},
    {SYS_recvmsg, "recvmsg", false, false, false},
    {SYS_vfork, "vfork", false, false, false},
    {SYS_wait4, "wait4", false, false, false},
    {SYS_semop, "semop", kDisturbed, false, false},
    {SYS_msgsnd, "msgsnd", false, false, false},
    {SYS_msgrcv, "msgrcv", false, kIdle, false},
    {SYS_fcntl, "fcntl", false, false, false},
    {SYS_flock, "flock", false, false, false},
    {SYS_fsync, "fsync", false, false, false},
    {SYS_fdatasync, "fdatasync", false, false, false},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait", kDisturbed, kIdle, false},
    {SYS_rt_sigsuspend, "rt_sigsuspend", false, kIdle, false},
    {kFutex, "futex", false, false, false},
    {SYS_io_getevents, "io_getevents", kDisturbed, kIdle, false},
    {kRestartSyscall, "restart_syscall", false, false, false},
    {SYS_semtimedop, "semtimedop", kDisturbed, false, false},
    {SYS_clock_nanosleep, "clock_nanosleep", false, false, kSleep},
    {SYS_epoll_wait, "epoll_wait", kDisturbed, kIdle, false},
    {SYS_mq_timedsend, "mq_timedsend", false, false, false},
    {SYS_mq_timedreceive, "mq_timedreceive", false, kIdle, false},
    {SYS_waitid, "waitid", false, false, false},
    {SYS_openat, "openat", false, false, false},
    {SYS_pselect6, "pselect6", false, kIdle, false},
    {SYS_ppoll, "ppoll", false, kIdle, false},
    {SYS_splice, "splice", false, false, false},
    {SYS_epoll_pwait, "epoll_pwait", kDisturbed, kIdle, false},
    {SYS_accept4, "accept4", false, kIdle, false},
    {SYS_preadv, "preadv", false, false, false},
    {SYS_pwritev, "pwritev", false, false, false},
    {SYS_recvmmsg, "recvmmsg", false, false, false},
    {SYS_sendmmsg, "sendmmsg", false, false, false},
    {SYS_io_pgetevents, "io_pgetevents", kDisturbed, kIdle, false},
    {SYS_io_uring_enter, "io_uring_enter", kDisturbed, kIdle, false},
    {SYS_epoll_pwait2, "epoll_pwait2", kDisturbed, kIdle, false},
    {449, "futex_waitv", false, false, false},  // not in Debian 12's headers
};

static_assert(std::ranges::is_sorted(kCalls, {}, &BlockingCall::number));

}  // namespace

const BlockingCall* find_blocking_call(std::int64_t number) {
  const auto* found = std::ranges::lower_bound(kCalls, number, {}, &BlockingCall::number);
  return found != std::end(kCalls) && found->number == number ? found : nullptr;
}

}  // namespace pstuck
