#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck::golden {
namespace {

constexpr std::int64_t kRecvfrom = 45;
constexpr std::int64_t kFlock = 73;

/// Sleeps in a call about the file that was opened last.
ThreadIndex blocked_thread(Story& story, std::int32_t tid, const std::string& name,
                           std::int64_t syscall, const std::string& function, CallAct act) {
  const std::size_t file = story.report.snapshot.kernel.files.size() - 1;
  const ThreadIndex thread =
      story.thread(tid, name, {story.libc("syscall"), story.own(function, "io.cpp", 12)},
                   Activity::kBlocked, syscall);
  const std::int32_t descriptor = story.report.snapshot.kernel.files[file].descriptor;
  ThreadStatus& status = story.report.diagnosis.threads[thread];
  status.frame = 1;
  status.kernel_wait = story.report.diagnosis.kernel_waits.size();
  story.report.diagnosis.kernel_waits.push_back(
      {.thread = thread,
       .subject = {.act = act, .descriptors = {descriptor}, .exclusive = act == CallAct::kFlock},
       .files = {file}});
  return thread;
}

}  // namespace

Report root_in_the_kernel() {
  Story story("proxyd", 600);
  KernelFacts& kernel = story.report.snapshot.kernel;
  kernel.files.push_back({.descriptor = 5,
                          .kind = FileKind::kSocket,
                          .id = FileId{0, 77},
                          .other_end = FileId{0, 79},
                          .path = "socket:[77]"});
  kernel.files.back().socket = SocketFacts{.protocol = "TCP",
                                           .local = "10.0.0.7:43122",
                                           .remote = "10.0.0.5:5432",
                                           .state = "ESTABLISHED",
                                           .unread = 0,
                                           .unsent = 0};
  const ThreadIndex root =
      blocked_thread(story, 601, "fetcher", kRecvfrom, "Database::ask()", CallAct::kRead);
  const ResourceIndex cache = story.mutex("g_cache.mu_", 0x607000);
  story.held_by(cache, root);
  std::vector<WaitIndex> waits;
  std::vector<ThreadIndex> victims;
  const std::size_t get = story.own("Cache::get(Key const&)", "cache.cpp", 41);
  for (std::int32_t tid = 610; tid < 613; ++tid) {
    victims.push_back(story.locking_thread(tid, "worker", {get}));
    waits.push_back(story.waits(victims.back(), cache));
  }
  PileUp& pile_up = story.pile_up(cache, waits);
  pile_up.root = root;
  pile_up.hops = 1;
  story.stuck(FindingKind::kStalledHolder, cache).stuck_behind = victims;

  kernel.files.push_back({.descriptor = 6,
                          .kind = FileKind::kRegular,
                          .id = FileId{1, 78},
                          .path = "/run/proxyd.lock",
                          .deleted = true});
  const ThreadIndex locker =
      blocked_thread(story, 602, "rotator", kFlock, "Log::rotate()", CallAct::kFlock);
  story.report.diagnosis.kernel_waits.back().processes = {Tid{700}};
  story.report.diagnosis.kernel_waits.back().deadline =
      Deadline{.at = std::chrono::seconds(90005), .remaining = std::chrono::seconds(5)};
  story.report.snapshot.threads[locker].kernel_stack = {"locks_lock_inode_wait", "__do_sys_flock",
                                                        "do_syscall_64"};
  kernel.processes.push_back({.pid = {700},
                              .parent = {1},
                              .pid_in_target = {700},
                              .name = "logrotate",
                              .command_line = {"/usr/sbin/logrotate", "--force"},
                              .state = 'T'});
  story.others({locker});
  return story.report;
}

Report own_lock_table() {
  Story story("rowd", 630);
  Diagnosis& diagnosis = story.report.diagnosis;
  diagnosis.remarks = {{.says = Remark::Says::kAsk,
                        .reason = "a row lock of rowd",
                        .command = "rowctl locks --who 'x|y'"},
                       {.says = Remark::Says::kIdle, .reason = "rowd's pool"}};
  const ThreadIndex waiter = story.idle_thread(631, "session");
  story.report.snapshot.kernel.files.push_back({.descriptor = 8,
                                                .kind = FileKind::kEpoll,
                                                .path = "anon_inode:[eventpoll]",
                                                .watches = {5, 9}});
  diagnosis.kernel_waits.push_back(
      {.thread = waiter, .subject = {.act = CallAct::kEpoll, .descriptors = {8}}, .files = {0}});
  diagnosis.threads[waiter].kernel_wait = 0;
  diagnosis.threads[waiter].remark = 0;
  const std::vector<ThreadIndex> parked = {
      story.thread(640, "pool-1", {story.own("Pool::next()", "pool.cpp", 7)}, Activity::kFutex,
                   202),
      story.thread(641, "pool-2", {story.own("Pool::help()", "pool.cpp", 9)}, Activity::kFutex,
                   202)};
  for (const ThreadIndex thread : parked) diagnosis.threads[thread].remark = 1;
  story.others(parked);
  diagnosis.others.back() = {
      .activity = Activity::kIdle, .remark = 1, .group = {.threads = parked}};
  story.others({waiter});
  diagnosis.others.back().remark = 0;
  return story.report;
}

}  // namespace pstuck::golden
