// Reports about primitives that record no owner.

#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck::golden {

// reloader ──writes?──▶ g_table ──read by──▶ lookup-1 ──wants──▶ g_feed.mu ──held by──▶ reloader
//                               ──read by──▶ lookup-2, who runs
Report reader_deadlock() {
  Story story("feedd", 3100);
  const std::size_t on_tick =
      story.location("feed::Source::on_tick(Tick)", "source.cpp", 30, "libfeed.so", false);
  const ThreadIndex writer =
      story.locking_thread(3101, "reloader",
                           {story.own("Table::swap_in()", "table.cpp", 71), on_tick,
                            story.own("Reloader::run()", "reload.cpp", 15)});
  const ThreadIndex reader = story.locking_thread(
      3102, "lookup-1",
      {story.location("feed::Source::price(int)", "source.cpp", 44, "libfeed.so", false),
       story.own("Table::lookup(int)", "table.cpp", 33)});
  const ThreadIndex other = story.thread(
      3103, "lookup-2", {story.own("Table::lookup(int)", "table.cpp", 35)}, Activity::kRuns, -1);
  const ThreadIndex early = story.locking_thread(3104, "step-1", {story.own("step()", "s.cpp", 9)});
  const ResourceIndex table = story.lock_of_kind(ResourceKind::kRwlock, "g_table", 0x55d9c0204000);
  const ResourceIndex feed = story.typed_mutex("feed::Source::mu_", 0x55d9c0204080);
  const ResourceIndex barrier =
      story.lock_of_kind(ResourceKind::kBarrier, "g_round", 0x55d9c0204100);
  story.report.diagnosis.resources[table].rwlock = RwlockState{2, 1, false};
  story.report.diagnosis.resources[barrier].parties = PartyCount{1, 2, 1};
  story.has_part(table, reader, Part::kReads, 4);
  story.has_part(table, other, Part::kReads, 0);
  story.held_by(feed, writer);
  story.took(feed, 4, AttributedBy::kLockingCode);
  const WaitIndex write = story.waits(writer, table, WaitKind::kWriteLock);
  const WaitIndex lock = story.waits(reader, feed);
  const WaitIndex arrive = story.waits(early, barrier, WaitKind::kArrivals);
  story.has_part(barrier, other, Part::kIsToArrive, 0);
  Resource& round = story.report.diagnosis.resources[barrier];
  round.holder = {.evidence = Evidence::kInferred, .fate = OwnerFate::kThread, .thread = other};
  story.deadlock({write, lock}).evidence = Evidence::kInferred;
  PileUp& pile = story.pile_up(barrier, {arrive});
  pile.root = other;
  pile.hops = 1;
  story.others({other});
  return story.report;
}

// main ──joins──▶ consumer ──▶ g_ready, which nobody notifies      step-1, step-2 ──▶ g_done
// loader ──▶ g_loaded, whose owner a lock file describes in vain
Report forked_semaphore() {
  Story story("script", 4201);
  story.report.snapshot.process.forked_from =
      ForkedFrom{.pid = Tid{4200}, .name = "script", .command_line = {"script", "run"}};
  const ThreadIndex thread =
      story.locking_thread(4201, "script", {story.own("acquire", "lock.c", 9)});
  const ResourceIndex lock = story.lock_of_kind(ResourceKind::kSemaphore, "", 0x55d9c0305000);
  story.report.diagnosis.resources[lock].value = 0;
  story.report.diagnosis.resources[lock].value_in_parent = 1;
  story.report.diagnosis.remarks = {
      {.says = Remark::Says::kLock, .reason = "a lock of the script's"}};
  story.report.diagnosis.threads[thread].remark = 0;
  const WaitIndex wait = story.waits(thread, lock, WaitKind::kUnit);
  Finding& finding = story.stuck(FindingKind::kAllAsleep, 0);
  finding.resource.reset();
  finding.evidence = Evidence::kInferred;
  finding.stuck_behind = {thread};
  story.pile_up(lock, {wait});
  return story.report;
}

Report all_asleep() {
  Story story("batchd", 4100);
  const ThreadIndex main = story.thread(
      4100, "batchd", {story.libc("__pthread_clockjoin_ex"), story.own("main", "main.cpp", 21)},
      Activity::kWaits, 202);
  story.report.diagnosis.threads[main].frame = 1;
  const ThreadIndex consumer =
      story.locking_thread(4101, "consumer", {story.own("Queue::pop()", "queue.cpp", 52)});
  const ResourceIndex ready =
      story.lock_of_kind(ResourceKind::kCondition, "g_ready", 0x55d9c0304000);
  const ResourceIndex done = story.lock_of_kind(ResourceKind::kLatch, "g_done", 0x55d9c0304080);
  story.report.diagnosis.resources[ready].condition_mutex =
      ConditionMutex{{0x55d9c0304040}, "g_mutex"};
  story.report.diagnosis.resources[done].parties = PartyCount{{}, {}, 1};
  const WaitIndex join = story.waits(main, story.end_of(consumer));
  const WaitIndex notification = story.waits(consumer, ready, WaitKind::kNotification);
  std::vector<WaitIndex> arrivals;
  std::vector<ThreadIndex> all{main, consumer};
  for (std::int32_t i = 1; i <= 2; ++i) {
    all.push_back(story.locking_thread(4101 + i, "step-" + std::to_string(i),
                                       {story.own("Step::run()", "step.cpp", 12)}));
    arrivals.push_back(story.waits(all.back(), done, WaitKind::kArrivals));
  }
  all.push_back(story.locking_thread(4104, "loader", {story.own("Loader::run()", "load.cpp", 8)}));
  const ResourceIndex own =
      story.lock_of_kind(ResourceKind::kLibraryLock, "g_loaded", 0x55d9c0304100);
  story.report.diagnosis.resources[own].type = "app::TicketLock";
  story.report.diagnosis.resources[own].owner_gap =
      OwnerGap{OwnerGap::Kind::kNoMember, "app::TicketLock::owner_"};
  const WaitIndex load = story.waits(all.back(), own);
  Finding& finding = story.stuck(FindingKind::kAllAsleep, 0);
  finding.resource.reset();
  finding.stuck_behind = all;
  story.pile_up(done, arrivals).hops = 1;
  story.pile_up(ready, {notification}).hops = 1;
  story.pile_up(own, {load}).hops = 1;
  const ResourceIndex end = story.report.diagnosis.waits[join].resource;
  PileUp& joined = story.pile_up(end, {join});
  joined.next = 1;
  joined.hops = 2;
  return story.report;
}

}  // namespace pstuck::golden
