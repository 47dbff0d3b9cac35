#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck::golden {
namespace {

constexpr std::int64_t kWait4 = 61;
constexpr std::int64_t kWrite = 1;

ThreadIndex blocked(Story& story, std::int32_t tid, std::int64_t syscall, KernelWait wait) {
  const ThreadIndex thread = story.thread(tid, story.report.snapshot.process.name,
                                          {story.libc("syscall"), story.own("run()", "run.cpp", 7)},
                                          Activity::kBlocked, syscall);
  ThreadStatus& status = story.report.diagnosis.threads[thread];
  status.frame = 1;
  status.kernel_wait = story.report.diagnosis.kernel_waits.size();
  wait.thread = thread;
  story.report.diagnosis.kernel_waits.push_back(std::move(wait));
  return thread;
}

OtherProcess named(std::int32_t pid, const std::string& name) {
  return {.pid = {pid},
          .parent = {1},
          .pid_in_target = {pid},
          .name = name,
          .state = 'S',
          .syscall = kWait4};
}

}  // namespace

Reports processes_deadlock() {
  Story parent("build", 900);
  blocked(parent, 900, kWait4,
          {.subject = {.act = CallAct::kChild, .child = Tid{901}}, .processes = {{901}}});
  parent.report.snapshot.kernel.processes = {named(901, "cc\x1b[2J")};
  const ResourceIndex log = parent.mutex("g_log", 0x607000);
  parent.held_by(log, 0);
  const ThreadIndex logger =
      parent.locking_thread(905, "logger", {parent.own("Log::flush()", "log.cpp", 30)});
  parent.pile_up(log, {parent.waits(logger, log)}).root = 0;

  Story child("cc\x1b[2J", 901);
  child.report.snapshot.kernel.files = {{.descriptor = 1,
                                         .kind = FileKind::kPipe,
                                         .id = FileId{0, 77},
                                         .other_end = FileId{0, 77},
                                         .path = "pipe:[77]"}};
  blocked(child, 901, kWrite,
          {.subject = {.act = CallAct::kWrite, .descriptors = {1}},
           .files = {0},
           .processes = {{900}}});
  child.report.snapshot.kernel.processes = {named(900, "build")};
  child.report.stacks.stacks[0] = {};

  const ThreadRef waiting{0, 0};
  const ThreadRef writing{1, 0};
  Reports reports;
  reports.targets = {parent.report};
  reports.followed = {child.report};
  reports.unseen = {{.pid = Tid{1}, .why = "not permitted to look into process 1"}};
  reports.across.waits = {{.waiter = waiting, .processes = {{901}}},
                          {.waiter = writing, .processes = {{900}}}};
  reports.across.cycles = {
      {.members = {waiting, writing},
       .waits_for = {writing, waiting},
       .stuck_behind = {{0, logger}},
       .whole = {0, 1},
       .since = std::chrono::seconds(12),
       .confirmation = {
           .looked_again = true, .counters_seen = true, .gap = std::chrono::milliseconds(25)}}};
  return reports;
}

}  // namespace pstuck::golden
