// What threads wait for that sleep in the kernel, and in which words that is said.

#include "analyzers/kernel_waits.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include <chrono>

#include "cli/sentences.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;

constexpr Tid kTarget{100};
constexpr Tid kOther{200};
constexpr Tid kThird{300};
constexpr Address kTime{0x5000};

/// A process of one thread, which sleeps in one call.
class InKernel : public ::testing::Test {
 protected:
  InKernel() {
    report_.snapshot.process.pid = report_.snapshot.process.pid_in_target = kTarget;
    report_.snapshot.threads.resize(1);
    report_.snapshot.monotonic = 1000s;
    report_.snapshot.realtime = 5000s;
    report_.stacks.stacks.resize(1);
    kernel().processes = {
        {.pid = kOther, .parent = kTarget, .name = "cat", .state = 'S', .syscall = SYS_read}};
  }

  KernelFacts& kernel() { return report_.snapshot.kernel; }

  OpenFile& opens(std::int32_t descriptor, FileKind kind, const std::string& path) {
    kernel().files.push_back(
        {.descriptor = descriptor, .kind = kind, .id = FileId{1, 77}, .path = path});
    if (kind == FileKind::kPipe) kernel().files.back().other_end = FileId{1, 77};
    return kernel().files.back();
  }

  const KernelWait& sleeps_in(std::int64_t number, std::array<std::uint64_t, 6> arguments) {
    report_.snapshot.threads[0].syscall = {SyscallState::kInSyscall, number, arguments};
    ThreadStatus status;
    status.activity = Activity::kBlocked;
    status.syscall = number;
    report_.diagnosis.threads = {status};
    report_.diagnosis.kernel_waits =
        find_kernel_waits(report_.snapshot, memory_, report_.diagnosis.threads);
    return report_.diagnosis.kernel_waits.at(0);
  }

  std::string words() { return Sentences(report_).activity(0); }

  Report report_;
  testing::FakeMemory memory_;
};

TEST_F(InKernel, ReadersOfAPipeWaitForThoseWhoCanWrite) {
  opens(3, FileKind::kPipe, "pipe:[77]");
  kernel().users = {{{1, 77}, kTarget, true, false},
                    {{1, 77}, kOther, false, true},
                    {{1, 78}, kThird, false, true}};
  EXPECT_EQ(sleeps_in(SYS_read, {3}).processes, std::vector<Tid>{kOther});
  EXPECT_EQ(
      words(),
      "waits in read for data from a pipe, which only cat (pid 200) can write; it sleeps in read");
  EXPECT_EQ(sleeps_in(SYS_write, {3}).processes, std::vector<Tid>{kTarget});
  EXPECT_EQ(words(), "waits in write for room in a pipe, which only this process itself can read");
}

TEST_F(InKernel, OnlyIsNotSaidWhereSomeProcessesWereNotSeen) {
  opens(3, FileKind::kPipe, "pipe:[77]");
  kernel().users = {{{1, 77}, kTarget, true, true}};
  kernel().some_not_seen = true;
  sleeps_in(SYS_read, {3});
  EXPECT_EQ(words(), "waits in read for data from a pipe, which this process itself can write");
}

TEST_F(InKernel, TransfersWaitForTheirEndsThatAreNotOnADisk) {
  opens(3, FileKind::kRegular, "/srv/page");
  opens(4, FileKind::kPipe, "pipe:[77]");
  kernel().users = {{{1, 77}, kOther, true, false}, {{1, 77}, kThird, false, true}};
  EXPECT_EQ(sleeps_in(SYS_sendfile, {4, 3}).processes, std::vector<Tid>{kOther});
  EXPECT_EQ(words(),
            "waits in sendfile to copy from /srv/page to a pipe, which only cat (pid 200) can "
            "read; it sleeps in read");
  EXPECT_EQ(sleeps_in(SYS_splice, {4, 0, 3, 0}).processes, std::vector<Tid>{kThird});
  EXPECT_EQ(words(),
            "waits in splice to copy from a pipe to /srv/page, which only process 300 can write");
}

TEST_F(InKernel, OfTransfersBothEndsAreKnownOrNone) {
  opens(3, FileKind::kPipe, "pipe:[77]");
  opens(4, FileKind::kPipe, "pipe:[78]").other_end = FileId{1, 78};
  kernel().users = {{{1, 77}, kThird, false, true}};
  EXPECT_TRUE(sleeps_in(SYS_tee, {3, 4}).processes.empty());
  EXPECT_EQ(words(), "waits in tee to copy from a pipe to a pipe");
  kernel().users.push_back({{1, 78}, kOther, true, false});
  EXPECT_EQ(sleeps_in(SYS_tee, {3, 4}).processes, (std::vector<Tid>{kOther, kThird}));
  EXPECT_EQ(words(),
            "waits in tee to copy from a pipe to a pipe, which cat (pid 200) and process 300 can "
            "fill or empty");
  EXPECT_TRUE(sleeps_in(SYS_tee, {3, 9}).processes.empty()) << "9 is not open any more";
}

TEST_F(InKernel, TransfersEndWithTheTimeLimitsOfTheirSockets) {
  opens(3, FileKind::kRegular, "/srv/page");
  OpenFile& socket = opens(4, FileKind::kSocket, "socket:[77]");
  socket.other_end = FileId{1, 77};
  socket.socket = SocketFacts{.protocol = "Unix", .send_timeout = 25s};
  kernel().users = {{{1, 77}, kOther, true, true}};
  EXPECT_TRUE(sleeps_in(SYS_sendfile, {4, 3}).deadline);
  EXPECT_FALSE(sleeps_in(SYS_splice, {4, 0, 3, 0}).deadline) << "none for what it receives";
  kernel().files[1].socket->receive_timeout = 5s;
  EXPECT_TRUE(sleeps_in(SYS_splice, {4, 0, 3, 0}).deadline);
}

TEST_F(InKernel, WhoWaitsForADiskWaitsForNoProcess) {
  opens(3, FileKind::kPipe, "pipe:[77]");
  opens(4, FileKind::kRegular, "/srv/page");
  kernel().users = {{{1, 77}, kOther, false, true}};
  EXPECT_EQ(sleeps_in(SYS_splice, {3, 0, 4, 0}).processes, std::vector<Tid>{kOther});
  report_.snapshot.threads[0].state = 'D';
  EXPECT_TRUE(sleeps_in(SYS_splice, {3, 0, 4, 0}).processes.empty());
}

TEST_F(InKernel, OthersMayComeToAFifo) {
  OpenFile& file = opens(3, FileKind::kPipe, "/run/fifo");
  kernel().users = {{{1, 77}, kTarget, true, true}, {{1, 77}, kOther, false, true}};
  EXPECT_TRUE(sleeps_in(SYS_read, {3}).others_may_come);
  EXPECT_EQ(words(),
            "waits in read for data from FIFO /run/fifo, which this process itself and cat (pid "
            "200) have open to write");
  EXPECT_TRUE(sleeps_in(SYS_write, {3}).others_may_come);
  EXPECT_EQ(
      words(),
      "waits in write for room in FIFO /run/fifo, which only this process itself has open to read");
  file.reads = true;
  kernel().files.push_back({.descriptor = 4, .kind = FileKind::kEpoll, .watches = {3}});
  EXPECT_TRUE(sleeps_in(SYS_epoll_wait, {4}).others_may_come);
  kernel().files[0].deleted = true;
  EXPECT_FALSE(sleeps_in(SYS_read, {3}).others_may_come);
}

TEST_F(InKernel, SocketsAreToldByTheirEnds) {
  OpenFile& file = opens(4, FileKind::kSocket, "socket:[77]");
  file.socket = SocketFacts{.protocol = "TCP",
                            .local = "10.0.0.7:43122",
                            .remote = "10.0.0.5:5432",
                            .state = "ESTABLISHED"};
  EXPECT_TRUE(sleeps_in(SYS_recvfrom, {4}).processes.empty());
  EXPECT_EQ(words(), "waits in recvfrom for data from TCP 10.0.0.7:43122 → 10.0.0.5:5432");
  file.socket->state = "CLOSE_WAIT";
  EXPECT_EQ(words(),
            "waits in recvfrom for data from TCP 10.0.0.7:43122 → 10.0.0.5:5432 (CLOSE_WAIT)");
  file.socket = SocketFacts{.protocol = "Unix", .remote = "/run/x", .peer = kOther};
  EXPECT_TRUE(sleeps_in(SYS_recvmsg, {4}).processes.empty())
      << "who set up the other end may have left it to another process";
  EXPECT_EQ(words(), "waits in recvmsg for data from Unix socket /run/x");
}

TEST_F(InKernel, TheOtherEndOfASocketMustAct) {
  OpenFile& file = opens(4, FileKind::kSocket, "socket:[77]");
  file.socket = SocketFacts{.protocol = "Unix"};
  file.other_end = FileId{0, 78};
  kernel().users = {{{0, 77}, kTarget, true, true}, {{0, 78}, kOther, true, true}};
  EXPECT_EQ(sleeps_in(SYS_recvfrom, {4}).processes, std::vector<Tid>{kOther});
  EXPECT_EQ(words(),
            "waits in recvfrom for data from a Unix socket, which only cat (pid 200) can answer; "
            "it sleeps in read");
  EXPECT_EQ(sleeps_in(SYS_sendto, {4}).processes, std::vector<Tid>{kOther});
  EXPECT_EQ(words(),
            "waits in sendto for room in a Unix socket, which only cat (pid 200) can read; it "
            "sleeps in read");
  file.socket->pending = true;
  sleeps_in(SYS_recvfrom, {4});
  EXPECT_EQ(words(),
            "waits in recvfrom for data from a Unix socket, which only cat (pid 200) can accept; "
            "it sleeps in read");
}

TEST_F(InKernel, SocketsCanHaveATimeLimit) {
  OpenFile& file = opens(4, FileKind::kSocket, "socket:[77]");
  file.socket = SocketFacts{.protocol = "Unix", .receive_timeout = 30s, .send_timeout = 20s};
  report_.snapshot.threads[0].not_run_for = 10s;
  EXPECT_EQ(sleeps_in(SYS_recvfrom, {4}).deadline->remaining, 20s);
  EXPECT_EQ(words(), "waits in recvfrom for data from a Unix socket, for 20 s more at most");
  EXPECT_EQ(sleeps_in(SYS_accept, {4}).deadline->remaining, 20s);
  EXPECT_EQ(sleeps_in(SYS_sendto, {4}).deadline->remaining, 10s);
  EXPECT_EQ(sleeps_in(SYS_connect, {4}).deadline->remaining, 10s);
}

TEST_F(InKernel, WhoeverWakesAPollIsNamedWhereAllAreKnown) {
  const std::array<std::int32_t, 4> polled{3, 1, 4, 1};  // two of struct pollfd
  memory_.put_object(kTime, polled);
  opens(3, FileKind::kPipe, "pipe:[77]").reads = true;
  OpenFile& socket = opens(4, FileKind::kSocket, "socket:[78]");
  socket.reads = socket.writes = true;
  socket.socket = SocketFacts{.protocol = "Unix"};
  kernel().users = {{{1, 77}, kOther, false, true},
                    {{1, 77}, kTarget, true, false},
                    {{0, 79}, kThird, true, true}};
  EXPECT_TRUE(sleeps_in(SYS_poll, {kTime.value, 2}).processes.empty());
  EXPECT_EQ(words(), "waits in poll for work from 2 descriptors");
  kernel().files[1].other_end = FileId{0, 79};
  EXPECT_EQ(sleeps_in(SYS_poll, {kTime.value, 2}).processes, (std::vector<Tid>{kOther, kThird}));
  EXPECT_EQ(words(),
            "waits in poll for work from 2 descriptors, which can come from cat (pid 200) and "
            "process 300");
  opens(6, FileKind::kEpoll, "anon_inode:[eventpoll]").watches = {3, 4};
  EXPECT_EQ(sleeps_in(SYS_epoll_wait, {6}).processes, (std::vector<Tid>{kOther, kThird}));
  kernel().files[2].watches.push_back(-1);
  EXPECT_TRUE(sleeps_in(SYS_epoll_wait, {6}).processes.empty());
}

TEST_F(InKernel, FileLocksAreHeldByThoseWhoseLockConflicts) {
  opens(5, FileKind::kRegular, "/var/lock/x");
  const auto lock = [](Tid process, FileLockKind kind, bool exclusive) {
    return HeldFileLock{{1, 77}, process, kind, exclusive, 0, UINT64_MAX};
  };
  kernel().locks = {lock(kOther, FileLockKind::kFlock, true),
                    lock(kThird, FileLockKind::kPosix, true)};
  EXPECT_EQ(sleeps_in(SYS_flock, {5, 1}).processes, std::vector<Tid>{kOther});
  EXPECT_EQ(words(),
            "waits in flock for a shared lock of /var/lock/x, held by cat (pid 200), which sleeps "
            "in read");
  kernel().locks[0].exclusive = false;
  EXPECT_TRUE(sleeps_in(SYS_flock, {5, 1}).processes.empty()) << "both are shared";
  EXPECT_EQ(sleeps_in(SYS_flock, {5, 2}).processes, std::vector<Tid>{kOther});
}

TEST_F(InKernel, LocksOfPartsOfFilesConflictWhereTheyMeet) {
  opens(5, FileKind::kRegular, "/var/lib/db");
  const auto lock = [](Tid process, std::uint64_t start, std::uint64_t last) {
    return HeldFileLock{{1, 77}, process, FileLockKind::kPosix, true, start, last};
  };
  kernel().locks = {lock(kOther, 0, 0), lock(kThird, 500, 599), lock(kTarget, 0, UINT64_MAX)};
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  wanted.l_len = 1;
  memory_.put_object(kTime, wanted);
  EXPECT_EQ(sleeps_in(SYS_fcntl, {5, F_SETLKW, kTime.value}).processes, std::vector<Tid>{kOther});
  wanted.l_whence = SEEK_CUR;
  memory_.put_object(kTime, wanted);
  EXPECT_EQ(sleeps_in(SYS_fcntl, {5, F_SETLKW, kTime.value}).processes,
            (std::vector<Tid>{kOther, kThird}))
      << "from where it counts is not known; its own lock never keeps a process from another";
}

TEST_F(InKernel, AThreadThatWokeMeanwhileIsNotExplained) {
  kernel().moved = {report_.snapshot.threads[0].tid};
  report_.snapshot.threads[0].syscall = {SyscallState::kInSyscall, SYS_read, {3}};
  std::vector<ThreadStatus> threads(1);
  threads[0].activity = Activity::kBlocked;
  threads[0].syscall = SYS_read;
  EXPECT_TRUE(find_kernel_waits(report_.snapshot, memory_, threads).empty());
  EXPECT_EQ(threads[0].kernel_wait, std::nullopt);
}

TEST_F(InKernel, AConnectionIsToTheAddressThatTheCallNames) {
  opens(4, FileKind::kSocket, "socket:[77]").socket =
      SocketFacts{.protocol = "TCP", .local = "10.0.0.7:43122", .state = "SYN_SENT"};
  memory_.put_object(kTime, std::array<std::uint8_t, 16>{2, 0, 0x15, 0x38, 10, 0, 0, 5});
  sleeps_in(SYS_connect, {4, kTime.value, 16});
  EXPECT_EQ(words(), "waits in connect for a connection to TCP 10.0.0.5:5432");
}

TEST_F(InKernel, AFifoIsOpenedByTwo) {
  memory_.put_object(kTime, std::array<char, 8>{"/run/f"});
  kernel().to_open = {
      {.thread = report_.snapshot.threads[0].tid, .kind = FileKind::kPipe, .id = FileId{1, 77}}};
  kernel().users = {{{1, 77}, kOther, true, false}};
  EXPECT_TRUE(sleeps_in(SYS_openat, {0, kTime.value, O_RDONLY}).processes.empty());
  EXPECT_EQ(words(), "waits in openat to open FIFO /run/f to read, which nobody has open to write");
  sleeps_in(SYS_open, {kTime.value, O_WRONLY});
  EXPECT_EQ(words(), "waits in open to open FIFO /run/f to write");
  kernel().to_open.clear();
  EXPECT_EQ(words(), "waits in open to open /run/f");
}

TEST_F(InKernel, WhoChangedASemaphoreLastIsTold) {
  kernel().semaphores = {{.set = 5, .number = 1, .value = 0, .wait_for_more = 1, .last = kOther}};
  memory_.put_object(kTime, sembuf{.sem_num = 1, .sem_op = -1, .sem_flg = 0});
  sleeps_in(SYS_semop, {5, kTime.value, 1});
  EXPECT_EQ(words(),
            "waits in semop for System V semaphore 1 of set 5, which is 0 and was changed last by "
            "cat (pid 200)");
  sleeps_in(SYS_semop, {5, kTime.value, 2});
  EXPECT_EQ(words(), "waits in semop for the System V semaphores of set 5") << "one of two";
  sleeps_in(SYS_semop, {6, kTime.value, 1});
  EXPECT_EQ(words(), "waits in semop for the System V semaphores of set 6");
}

TEST_F(InKernel, WhoUsedAQueueLastIsTold) {
  kernel().queues = {
      {.id = 7, .messages = 2, .bytes = 16000, .most_bytes = 16384, .last_sender = kOther}};
  sleeps_in(SYS_msgsnd, {7});
  EXPECT_EQ(words(),
            "waits in msgsnd for room in System V message queue 7, which has 16000 of 16384 bytes "
            "and was never read");
  sleeps_in(SYS_msgrcv, {7});
  EXPECT_EQ(words(),
            "waits in msgrcv for a message of System V message queue 7, which has 16000 of 16384 "
            "bytes and was last written by cat (pid 200)");
  sleeps_in(SYS_msgsnd, {8});
  EXPECT_EQ(words(), "waits in msgsnd for room in System V message queue 8");
}

TEST_F(InKernel, ChildrenAreFoundByTheirParent) {
  kernel().processes.push_back(
      {.pid = kThird, .parent = kTarget, .pid_in_target = kThird, .name = "dd", .state = 'T'});
  EXPECT_EQ(sleeps_in(SYS_wait4, {300}).processes, std::vector<Tid>{kThird});
  EXPECT_EQ(words(), "waits in wait4 for the child dd (pid 300), which is stopped by a signal");
  EXPECT_EQ(sleeps_in(SYS_wait4, {std::uint64_t(-1)}).processes.size(), 2U);
  EXPECT_EQ(words(), "waits in wait4 for one of the children cat (pid 200) and dd (pid 300)");
  EXPECT_TRUE(sleeps_in(SYS_wait4, {std::uint64_t(-4713)}).processes.empty()) << "a process group";
  EXPECT_TRUE(sleeps_in(SYS_wait4, {400}).processes.empty());
  EXPECT_EQ(words(), "waits in wait4 for the child 400");
}

TEST_F(InKernel, AnEpollDescriptorWatchesOthers) {
  opens(6, FileKind::kEpoll, "anon_inode:[eventpoll]").watches = {3, 4};
  sleeps_in(SYS_epoll_wait, {6, 0, 0, std::uint64_t(-1)});
  EXPECT_EQ(words(), "waits in epoll_wait for work from 2 descriptors");
}

TEST_F(InKernel, AFrozenProcessIsNotCalledHealthy) {
  sleeps_in(SYS_pause, {});
  EXPECT_EQ(Sentences(report_).calm_verdict(), "Nothing is stuck");
  kernel().frozen_group = "/shop\x1b.slice";
  EXPECT_EQ(Sentences(report_).calm_verdict(), "Frozen");
  EXPECT_NE(Sentences(report_).process().find("frozen with control group /shop\\x1b.slice"),
            std::string::npos)
      << Sentences(report_).process();
}

TEST_F(InKernel, WhatIsNotKnownIsToldByItsNumber) {
  sleeps_in(SYS_read, {9});
  EXPECT_EQ(words(), "waits in read for data from descriptor 9");
}

TEST_F(InKernel, HostileNamesAreEscaped) {
  opens(3, FileKind::kRegular, "/tmp/\x1b[2J");
  sleeps_in(SYS_read, {3});
  EXPECT_EQ(words().find('\x1b'), std::string::npos);
}

struct TimedCall {
  std::int64_t number;
  std::array<std::uint64_t, 6> arguments;
  std::chrono::nanoseconds remaining;
};

TEST_F(InKernel, SleepsEndAtATime) {
  memory_.put_object(kTime, std::array<std::int64_t, 2>{30, 500'000});
  report_.snapshot.threads[0].not_run_for = 10s;
  const std::uint64_t at = kTime.value;
  const TimedCall calls[] = {
      {SYS_nanosleep, {at}, 20s + 500us},
      {SYS_clock_nanosleep, {1, 0, at}, 20s + 500us},
      {SYS_clock_nanosleep, {1, 1, at}, 30s + 500us - 1000s},  // TIMER_ABSTIME
      {SYS_clock_nanosleep, {0, 1, at}, 30s + 500us - 5000s},
      {SYS_poll, {0, 0, 15'000}, 5s},
      {SYS_epoll_wait, {6, 0, 0, 15'000}, 5s},
      {SYS_select, {0, 0, 0, 0, at}, 20s + 500ms},
      {SYS_mq_timedreceive, {6, 0, 0, 0, at}, 30s + 500us - 5000s},
  };
  for (const TimedCall& call : calls) {
    const KernelWait& wait = sleeps_in(call.number, call.arguments);
    ASSERT_TRUE(wait.deadline) << call.number;
    EXPECT_EQ(wait.deadline->remaining, call.remaining) << call.number;
  }
  EXPECT_EQ(sleeps_in(SYS_poll, {0, 0, 0xffffffff}).deadline, std::nullopt);
  EXPECT_EQ(sleeps_in(SYS_nanosleep, {0x1000}).deadline, std::nullopt) << "unreadable";
  EXPECT_EQ(sleeps_in(SYS_clock_nanosleep, {11, 1, at}).deadline, std::nullopt) << "CLOCK_TAI";
}

// A stop makes select write down how much is left.
TEST_F(InKernel, ThePassedTimeIsNotTakenOffTwice) {
  memory_.put_object(kTime, std::array<std::int64_t, 2>{30, 0});
  report_.snapshot.threads[0].not_run_for = 10s;
  report_.snapshot.threads[0].capture = CaptureWay::kStopped;
  EXPECT_EQ(sleeps_in(SYS_pselect6, {0, 0, 0, 0, kTime.value}).deadline->remaining, 30s);
  report_.snapshot.threads[0].capture = CaptureWay::kReadWithoutStop;
  EXPECT_EQ(sleeps_in(SYS_pselect6, {0, 0, 0, 0, kTime.value}).deadline->remaining, 20s);
}

TEST_F(InKernel, AParentIsNoCalmerThanItsChild) {
  Report child;
  child.snapshot.process.pid = kOther;
  child.snapshot.threads.resize(1);
  child.diagnosis.threads.resize(1);
  child.diagnosis.threads[0].activity = Activity::kSleeps;
  report_.neighbours = {&child};
  kernel().processes[0].pid_in_target = kOther;
  sleeps_in(SYS_wait4, {static_cast<std::uint64_t>(kOther.value), 0, 0, 0});
  EXPECT_TRUE(Sentences(report_).is_surely_calm());
  child.diagnosis.threads[0].activity = Activity::kFutex;  // of which nothing more is known
  EXPECT_FALSE(Sentences(report_).is_surely_calm());
  EXPECT_EQ(Sentences(report_).calm_verdict(), "No hang found");
}

}  // namespace
}  // namespace pstuck
