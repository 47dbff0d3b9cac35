#include "attach/proc_parse.h"

#include <gtest/gtest.h>

#include "attach/mounts.h"
#include "attach/syscalls.h"

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

TEST(ParseStat, NameMayHoldParenthesesAndBlanks) {
  const auto stat = parse_stat(
      "4711 (a) b (c)) S 1 4711 4711 0 -1 4194560 1 2 3 4 50 7 0 0 20 0 3 0 12345 1 2 3 4 "
      "5 6 7 8 9 10 11 12 13 14 15 17 6 0\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) b (c)");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, Tid{1});
  EXPECT_EQ(stat->flags, 4194560U);
  EXPECT_EQ(stat->cpu_ticks, 57U);
  EXPECT_EQ(stat->start_ticks, 12345U);
  EXPECT_EQ(stat->processor, 6U);
}

TEST(ParseStat, CutTextIsNothing) {
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("4711 (name"));
  EXPECT_FALSE(parse_stat(") 1 ("));
  EXPECT_FALSE(parse_stat("4711 (name)"));
}

TEST(ParseStatus, FindsIdsOfEveryNamespace) {
  const StatusFacts status = parse_status(
      "Name:\tx\nTgid:\t70\nPPid:\t1\nTracerPid:\t99\nUid:\t0\t1000\t0\t0\nNSpid:\t70\t3\t1\n"
      "CapEff:\t0000000000080000\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n");
  EXPECT_EQ(status.thread_group, Tid{70});
  EXPECT_EQ(status.tracer, Tid{99});
  EXPECT_EQ(status.user, 1000U);
  EXPECT_EQ(status.effective_capabilities, 1U << 19);
  EXPECT_EQ(status.ids_by_namespace, (std::vector<Tid>{{70}, {3}, {1}}));
  EXPECT_EQ(status.switches, (ContextSwitches{5, 6}));
}

TEST(ParseSyscall, BlockedRunningAndOutsideACall) {
  const auto blocked = parse_syscall("202 0x7f10 0x80 0x2 0x0 0x0 0x0 0x7ffe10 0x7f20\n");
  ASSERT_TRUE(blocked);
  EXPECT_EQ(blocked->syscall.state, SyscallState::kInSyscall);
  EXPECT_EQ(blocked->syscall.number, kFutexCall);
  EXPECT_EQ(blocked->syscall.arguments[1], 0x80U);
  EXPECT_EQ(blocked->stack_pointer, Address{0x7ffe10});
  EXPECT_EQ(blocked->program_counter, Address{0x7f20});

  const auto running = parse_syscall("running\n");
  ASSERT_TRUE(running);
  EXPECT_TRUE(running->running);
  EXPECT_FALSE(running->stack_pointer);

  const auto fault = parse_syscall("-1 0x7ffe10 0x7f20\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->syscall.state, SyscallState::kUnknown);
  EXPECT_EQ(fault->stack_pointer, Address{0x7ffe10});

  EXPECT_FALSE(parse_syscall("202 0x7f10"));
  EXPECT_FALSE(parse_syscall(""));
}

TEST(ParseSched, LastRunInNanoseconds) {
  const SchedFacts sched = parse_sched(
      "x (1, #threads: 1)\n-----\nse.exec_start                :       1130054.053448\n"
      "se.vruntime : 3.000000\nse.sum_exec_runtime  :    29.000017\n"
      "nr_voluntary_switches         :     7\nnr_involuntary_switches       :   2\n");
  EXPECT_EQ(sched.last_ran, nanoseconds(1130054053448));
  EXPECT_EQ(sched.cpu_time, nanoseconds(29000017));
  EXPECT_EQ(sched.switches, (ContextSwitches{7, 2}));
  EXPECT_FALSE(parse_sched("se.exec_start : 1.5\n").last_ran);
  EXPECT_FALSE(parse_sched("se.exec_start : -1.000000\n").last_ran);
}

TEST(ParseMaps, PermissionsDeletedFilesAndAnonymousMemory) {
  const auto maps = parse_maps(
      "55d0-55e0 r-xp 00001000 08:01 42                 /opt/my server (deleted)\n"
      "7f00-7f10 rw-s 00000000 00:00 0\n"
      "not a mapping\n"
      "7f08-7f20 rw-p 00000000 00:00 0\n"
      "7f20-7f30 rw-p 00000000 00:00 0                  [stack]\n");
  ASSERT_EQ(maps.size(), 3U);
  EXPECT_EQ(maps[0].path, "/opt/my server");
  EXPECT_TRUE(maps[0].deleted);
  EXPECT_TRUE(maps[0].executable);
  EXPECT_FALSE(maps[0].writable);
  EXPECT_EQ(maps[0].file_offset, 0x1000U);
  EXPECT_TRUE(maps[1].shared);
  EXPECT_TRUE(maps[1].path.empty());
  EXPECT_EQ(maps[2].path, "[stack]") << "the overlapping line before it was left out";
}

TEST(ParseCommandLine, ArgumentsAndTheirLimit) {
  using namespace std::string_view_literals;
  EXPECT_EQ(parse_command_line("a\0b c\0\0"sv), (std::vector<std::string>{"a", "b c", ""}));
  EXPECT_EQ(parse_command_line("a\0b\0c\0"sv, 2).size(), 2U);
}

TEST(ParseContainerId, NeedsSixtyFourHexadecimalDigits) {
  const std::string id(64, 'a');
  EXPECT_EQ(parse_container_id("0::/system.slice/docker-" + id + ".scope\n"), id);
  EXPECT_EQ(parse_container_id("0::/user.slice\n"), "");
}

TEST(BlockingCalls, TableIsFoundByNumber) {
  ASSERT_NE(find_blocking_call(kFutexCall), nullptr);
  EXPECT_EQ(find_blocking_call(kFutexCall)->name, "futex");
  EXPECT_TRUE(find_blocking_call(232)->stop_interrupts) << "epoll_wait";
  EXPECT_EQ(find_blocking_call(39), nullptr) << "getpid does not block";
  EXPECT_EQ(find_blocking_call(-1), nullptr);
}

TEST(ParseDescriptor, TellsHowItWasOpenedAndWhatIsLockedThroughIt) {
  const DescriptorFacts facts = parse_descriptor(
      "pos:\t0\nflags:\t02100001\nmnt_id:\t27\nino:\t10952786\n"
      "lock:\t1: FLOCK  ADVISORY  WRITE 17257 fe:00:10952786 0 EOF\n"
      "lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:10952786 100 199\n"
      "lock:\t3: LEASE  ACTIVE    WRITE 17257 fe:00:10952786 0 EOF\n"
      "lock:\t4: POSIX\n");
  EXPECT_FALSE(facts.reads());
  EXPECT_TRUE(facts.writes());
  EXPECT_EQ(facts.mount, 27U);
  EXPECT_EQ(facts.inode, 10952786U);
  ASSERT_EQ(facts.locks.size(), 2U);
  EXPECT_EQ(facts.locks[0].kind, FileLockKind::kFlock);
  EXPECT_TRUE(facts.locks[0].exclusive);
  EXPECT_EQ(facts.locks[0].file.inode, 10952786U);
  EXPECT_EQ(facts.locks[1].kind, FileLockKind::kOpenFile);
  EXPECT_FALSE(facts.locks[1].exclusive);
  EXPECT_EQ(facts.locks[1].start, 100U);
  EXPECT_EQ(facts.locks[1].last, 199U);
}

TEST(ParseDescriptor, TellsWhatItWatchesAndStandsFor) {
  const DescriptorFacts facts = parse_descriptor(
      "pos:\t0\nflags:\t02000002\nPid:\t17257\nNSpid:\t17257\n"
      "tfd:        5 events:       19 data:                5  pos:0 ino:61af sdev:7\n"
      "tfd:        x events:       19\n");
  EXPECT_EQ(facts.process, Tid{17257});
  ASSERT_EQ(facts.watches.size(), 1U);
  EXPECT_EQ(facts.watches[0].descriptor, 5);
  EXPECT_EQ(facts.watches[0].inode, 0x61afU);
  EXPECT_TRUE(facts.reads() && facts.writes());
  EXPECT_EQ(parse_descriptor("Pid:\t-1\n").process, std::nullopt) << "it has ended";
}

TEST(ParseControlGroups, TellsControllersAndPath) {
  const auto groups =
      parse_control_groups("6:freezer:/a:b\n1:cpu,cpuacct:/\n0::/x.slice\n\nx\n:\n");
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].controllers, "freezer");
  EXPECT_EQ(groups[0].path, "/a:b");
  EXPECT_EQ(groups[1].controllers, "cpu,cpuacct");
  EXPECT_EQ(groups[2].controllers, "");
  EXPECT_EQ(groups[2].path, "/x.slice");
}

TEST(ParseKernelStack, TellsTheFunctions) {
  EXPECT_EQ(parse_kernel_stack("[<0>] pipe_read+0x2f1/0x4a0\n[<0>] vfs_read+0x1/0x2\n\n[<0>]\n"),
            (std::vector<std::string>{"pipe_read", "vfs_read"}));
  EXPECT_TRUE(parse_kernel_stack("").empty());
}

TEST(ParseMounts, TellsDeviceAndFileSystem) {
  const auto mounts = parse_mounts(
      "36 35 98:1 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root "
      "rw,errors=continue\n"
      "37 35 0:40 / /home\\040 rw - nfs4 server:/home rw\n"
      "x 35 0:40 / / rw - nfs4 server:/home rw\n"
      "38 35 0:40 / / rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].id, 36U);
  EXPECT_EQ(mounts[0].device, 98U * 256 + 1);
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[0].point, "/mnt2");
  EXPECT_EQ(mounts[1].type, "nfs4");
  EXPECT_EQ(mounts[1].point, "/home ");
  EXPECT_TRUE(mounts[1].layers.empty());
}

TEST(ParseMounts, TellsTheLayersOfAnOverlay) {
  const auto mounts = parse_mounts(
      "65 43 0:39 / / rw,relatime shared:7 - overlay overlay rw,lowerdir=/a\\054b:/c\\134:d:l/E,"
      "upperdir=/u\\040,workdir=/w,uuid=on\n"
      "66 43 0:39 / / rw - overlay overlay rw,lowerdir+=/a,datadir+=/b,lowerdir\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].layers, (std::vector<std::string>{"/a,b", "/c:d", "l/E", "/u "}));
  EXPECT_EQ(mounts[1].layers, (std::vector<std::string>{"/a", "/b"}));
}

TEST(Mounts, AreLocalWhereNoServerMustAnswer) {
  const auto local = [](const std::string& type, const std::vector<std::string>& layers) {
    return is_local(MountFacts{.type = type, .layers = layers});
  };
  EXPECT_TRUE(local("ext3", {}));
  EXPECT_FALSE(local("nfs4", {})) << "its server may not answer";
  EXPECT_FALSE(local("overlay", {}));
  EXPECT_FALSE(local("overlay", {"tmp"})) << "relative to nobody knows what";
  EXPECT_FALSE(local("overlay", {"/none/such"})) << "not what it was to who mounted it";
  EXPECT_FALSE(local("overlay", {"/proc/self/root"}));
  if (local("overlay", {"/usr"})) {  // not so in a container, whose own root is an overlay
    EXPECT_FALSE(local("overlay", {"/usr", "/proc"}));
  }
}

}  // namespace
}  // namespace pstuck
