#include "tests/golden/reports.h"

#include "tests/golden/story.h"

namespace pstuck::golden {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

Report two_lock_deadlock() {
  Story story("orderd", 48213);
  const std::size_t get = story.own("Cache::get(Key const&)", "cache.cpp", 41);
  const std::size_t worker = story.own("worker_main(void*)", "server.cpp", 20);
  const std::size_t serve = story.own("Handler::serve(Request&)", "handler.cpp", 12);
  const std::size_t stats = story.own("Cache::stats() const", "cache.cpp", 77);
  const ThreadIndex main = story.thread(
      48213, "orderd", {story.libc("__pthread_clockjoin_ex"), story.own("main", "main.cpp", 9)},
      Activity::kWaits, 202);
  story.report.diagnosis.threads[main].frame = 1;
  const ThreadIndex first = story.locking_thread(
      48231, "worker-3", {get, story.own("Router::dispatch(Request)", "router.cpp", 88), worker});
  const ThreadIndex second =
      story.locking_thread(48235, "worker-7",
                           {story.own("Router::reload()", "router.cpp", 131),
                            story.own("Cache::evict()", "cache.cpp", 90), worker});
  const ResourceIndex router = story.typed_mutex("g_router.mu_", 0x55d9c0104040);
  const ResourceIndex cache = story.typed_mutex("g_cache.mu_", 0x55d9c0104080);
  story.held_by(router, first);
  story.guarded(router, 4, "router.cpp", 86);
  story.held_by(cache, second);
  story.took(cache, 4, AttributedBy::kLockingCode, "cache.cpp", 90);
  const ResourceIndex end = story.end_of(first);
  const WaitIndex join = story.waits(main, end);
  const WaitIndex wants_cache = story.waits(first, cache);
  const WaitIndex wants_router = story.waits(second, router);
  std::vector<WaitIndex> behind;
  std::vector<ThreadIndex> victims{main};
  for (std::int32_t i = 0; i < 7; ++i) {
    const ThreadIndex victim = story.locking_thread(48240 + i, "worker-" + std::to_string(8 + i),
                                                    {i < 6 ? get : stats, serve, worker});
    behind.push_back(story.waits(victim, cache));
    victims.push_back(victim);
  }
  Finding& finding = story.deadlock({wants_cache, wants_router});
  finding.stuck_behind = victims;
  PileUp& pile = story.pile_up(cache, behind);
  pile.cycle = 0;
  pile.hops = 1;
  story.pile_up(end, {join}).cycle = 0;
  const ThreadIndex poller = story.idle_thread(48250, "poller-1");
  story.others({poller, story.idle_thread(48251, "poller-2")});
  const ResourceIndex uncontended = story.typed_mutex("g_poll.mu_", 0x55d9c01040c0);
  story.held_by(uncontended, poller, FoundBy::kVariable);
  story.guarded(uncontended, 1, "loop.cpp", 18, "guard");
  story.others({story.thread(48260, "ticker", {}, Activity::kRuns, -1)});
  return story.report;
}

Report self_deadlock() {
  Story story("indexd", 700);
  const ThreadIndex thread = story.locking_thread(
      700, "indexd",
      {story.own("Index::compact()", "index.cpp", 55),
       story.own("Index::insert(std::map<std::string, std::vector<int>> const&)", "index.cpp", 40),
       story.own("main", "main.cpp", 7)});
  const ResourceIndex lock = story.mutex("", 0x7ffd10203040);
  story.held_by(lock, thread);
  story.took(lock, 5, AttributedBy::kLockingCode);
  Finding& finding = story.deadlock({story.waits(thread, lock)});
  finding.confirmation.counters_seen = false;
  return story.report;
}

Report timed_deadlock() {
  Story story("ledger", 900);
  const ThreadIndex first =
      story.locking_thread(901, "audit", {story.own("audit(Book&)", "audit.cpp", 14)});
  const ThreadIndex second = story.thread(
      902, "transfer",
      {story.libc("__pthread_clockjoin_ex"), story.own("transfer(Book&)", "transfer.cpp", 31)},
      Activity::kWaits, kFutexCall);
  story.report.diagnosis.threads[second].frame = 1;
  const ResourceIndex lock = story.mutex("g_book", 0x601040);
  story.report.diagnosis.resources[lock].mutex =
      MutexTraits{MutexType::kRecursive, MutexProtocol::kInherit, true, true};
  story.report.diagnosis.resources[lock].recursion = 3;
  story.report.diagnosis.resources[lock].type = "pthread_mutex_t";
  story.held_by(lock, second);
  story.took(lock, 1, AttributedBy::kLockingCode, "transfer.cpp", 29);
  const ResourceIndex end = story.end_of(first);
  const WaitIndex timed = story.waits(first, lock);
  story.report.diagnosis.waits[timed].deadline =
      Deadline{true, seconds(1763937009), milliseconds(4200)};
  const WaitIndex join = story.waits(second, end);
  Finding& finding = story.deadlock({timed, join});
  finding.ends_by_itself = milliseconds(4200);
  finding.since = milliseconds(800);
  return story.report;
}

Report two_deadlocks() {
  Story story("twins", 500);
  for (std::int32_t pair = 0; pair < 2; ++pair) {
    const std::string number = std::to_string(pair + 1);
    const ThreadIndex first =
        story.locking_thread(510 + pair * 10, "left-" + number,
                             {story.own("left_" + number + "()", "twins.cpp", 10 + pair)});
    const ThreadIndex second =
        story.locking_thread(511 + pair * 10, "right-" + number,
                             {story.own("right_" + number + "()", "twins.cpp", 20 + pair)});
    const ResourceIndex a =
        story.mutex("Lane::mu_", 0x602000 + 0x100 * static_cast<std::uint64_t>(pair));
    story.report.diagnosis.resources[a].named_by = NamedBy::kFrameObject;
    story.report.diagnosis.resources[a].number = static_cast<std::size_t>(pair) + 1;
    const ResourceIndex b =
        story.mutex("", 0x7f0010002000 + 0x100 * static_cast<std::uint64_t>(pair));
    story.held_by(a, first);
    story.held_by(b, second);
    const WaitIndex wants_b = story.waits(first, b);
    story.deadlock({wants_b, story.waits(second, a)});
  }
  return story.report;
}

Report owner_exited() {
  Story story("mailer", 300);
  const std::size_t send = story.own("send_all()", "mailer.cpp", 61);
  const ResourceIndex lock = story.mutex("g_queue", 0x604000);
  Holder& holder = story.report.diagnosis.resources[lock].holder;
  holder.evidence = Evidence::kRecorded;
  holder.fate = OwnerFate::kExited;
  holder.recorded_id = Tid{305};
  std::vector<WaitIndex> waits;
  for (std::int32_t i = 0; i < 3; ++i) {
    waits.push_back(story.waits(story.locking_thread(310 + i, "sender", {send}), lock));
  }
  story.stuck(FindingKind::kOwnerExited, lock).stuck_behind = {0, 1, 2};
  story.pile_up(lock, waits);
  return story.report;
}

Report fork_inherited() {
  Story story("child", 4001);
  story.report.snapshot.process.parent = Tid{3989};
  const ResourceIndex lock = story.mutex("g_log", 0x605000);
  Holder& holder = story.report.diagnosis.resources[lock].holder;
  holder.evidence = Evidence::kRecorded;
  holder.fate = OwnerFate::kForkInherited;
  holder.recorded_id = Tid{3990};
  holder.elsewhere = TaskElsewhere{Tid{3990}, Tid{3989}, "prefork", true, 'S', 230};
  story.report.snapshot.process.forked_from =
      ForkedFrom{.pid = Tid{3989}, .name = "prefork", .command_line = {"prefork", "-d"}};
  const ThreadIndex thread = story.locking_thread(
      4001, "child",
      {story.own("log_line(char const*)", "log.cpp", 8), story.own("main", "main.cpp", 30)});
  const WaitIndex wait = story.waits(thread, lock);
  story.stuck(FindingKind::kForkInherited, lock).stuck_behind = {thread};
  story.pile_up(lock, {wait});
  return story.report;
}

Report owner_recycled() {
  Story story("pool", 600);
  const ResourceIndex lock = story.mutex("g_jobs", 0x606000);
  const ThreadIndex late = story.idle_thread(655, "worker-99");
  const ThreadIndex waiter =
      story.locking_thread(660, "worker-1", {story.own("take_job()", "pool.cpp", 17)});
  const WaitIndex wait = story.waits(waiter, lock);
  story.held_by(lock, late);
  story.report.diagnosis.resources[lock].holder.fate = OwnerFate::kRecycled;
  story.report.diagnosis.held.clear();
  story.stuck(FindingKind::kOwnerRecycled, lock).stuck_behind = {waiter};
  story.pile_up(lock, {wait});
  story.others({late});
  return story.report;
}

Report chain() {
  Story story("etl", 800);
  const std::size_t step = story.own("Stage::push(Batch)", "stage.cpp", 25);
  const ThreadIndex root =
      story.thread(801, "flusher",
                   {story.libc("clock_nanosleep"), story.own("retry_later(int)", "flush.cpp", 70),
                    story.own("Flusher::flush()", "flush.cpp", 44),
                    story.own("Flusher::run()", "flush.cpp", 12)},
                   Activity::kSleeps, kClockNanosleep);
  story.report.diagnosis.threads[root].frame = 1;
  std::vector<ResourceIndex> locks;
  std::vector<ThreadIndex> holders{root};
  for (std::uint64_t i = 0; i < 3; ++i) {
    locks.push_back(story.mutex("g_stage_" + std::to_string(i + 1), 0x607000 + 0x40 * i));
    story.held_by(locks.back(), holders.back());
    holders.push_back(story.locking_thread(802 + static_cast<std::int32_t>(i),
                                           "stage-" + std::to_string(i + 1), {step}));
  }
  story.guarded(locks[0], 2, "flush.cpp", 40);
  story.guarded(locks[1], 3, "stage.cpp", 23, "inner");
  const ResourceIndex output = story.lock_of_kind(ResourceKind::kStdio, "stdout", 0x607800);
  story.held_by(output, root, FoundBy::kFileList);
  story.held_by(story.mutex("", 0x7f0010004000), root, FoundBy::kMemoryScan);
  std::vector<WaitIndex> holder_waits;
  for (std::size_t i = 0; i < 3; ++i) holder_waits.push_back(story.waits(holders[i + 1], locks[i]));
  std::vector<ThreadIndex> behind{holders[1], holders[2], holders[3]};
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<WaitIndex> waits{holder_waits[i]};
    for (std::int32_t n = 0; n < 8; ++n) {
      const ThreadIndex thread =
          story.locking_thread(820 + 10 * static_cast<std::int32_t>(i) + n, "loader", {step});
      waits.push_back(story.waits(thread, locks[i]));
      behind.push_back(thread);
    }
    PileUp& pile = story.pile_up(locks[i], waits);
    pile.root = pile.end = root;
    pile.hops = i + 1;
    pile.victims = 27 - 9 * i;
    if (i > 0) pile.next = i - 1;
  }
  story.root_blocker(root, {0, 1, 2});
  story.stuck(FindingKind::kStalledHolder, locks[0]).stuck_behind = behind;
  return story.report;
}

Report healthy() {
  Story story("webd", 4242);
  const std::size_t pop =
      story.own("Queue<Request, std::allocator<Request>>::pop()", "queue.h", 30);
  std::vector<ThreadIndex> loops;
  std::vector<ThreadIndex> workers;
  for (std::int32_t i = 0; i < 8; ++i) {
    loops.push_back(story.idle_thread(4242 + i, i == 0 ? "webd" : "loop"));
    ThreadSnapshot& thread = story.report.snapshot.threads[loops.back()];
    thread.capture = CaptureWay::kReadWithoutStop;
    thread.capture_reason = CaptureReason::kStopWouldDisturb;
  }
  for (std::int32_t i = 0; i < 3; ++i) {
    workers.push_back(story.thread(4260 + i, "worker", {story.libc("pthread_cond_wait"), pop},
                                   Activity::kFutex, kFutexCall));
    story.report.diagnosis.threads[workers.back()].frame = 1;
  }
  story.report.stacks.stacks[loops[1]].end = StackEnd::kNoCfi;
  const ThreadIndex busy =
      story.thread(4270, "gc", {story.own("sweep()", "gc.cpp", 3)}, Activity::kRuns, -1);
  const ThreadIndex gone = story.thread(4271, "", {}, Activity::kEnded, -1);
  story.report.snapshot.threads[gone].capture = CaptureWay::kNotCaptured;
  story.report.snapshot.threads[gone].capture_reason = CaptureReason::kExited;
  story.report.stacks.stacks[gone].end = StackEnd::kNotCaptured;
  story.others(loops);
  story.others(workers);
  story.others({busy});
  story.others({gone});
  const ResourceIndex lock = story.mutex("g_stats", 0x608000);
  story.held_by(lock, busy);
  story.guarded(lock, 0, "gc.cpp", 2);
  const ThreadIndex waiter =
      story.locking_thread(4280, "scrape", {story.own("scrape()", "stats.cpp", 5)});
  story.report.snapshot.threads[waiter].not_run_for = milliseconds(2);
  story.pile_up(lock, {story.waits(waiter, lock)}).root = busy;
  const ResourceIndex unreadable = story.mutex("", 0x1000);
  story.report.diagnosis.resources[unreadable].holder.fate = OwnerFate::kUnreadable;
  story.report.snapshot.blind_spots = {
      {BlindSpotKind::kModuleFileMissing, "/opt/webd/plugins/auth.so"}};
  story.report.diagnosis.moved = 1;
  return story.report;
}

Report hostile_names() {
  Story story("evil\x1b]0;pwned\x07", 666);
  story.report.snapshot.process.command_line = {"/tmp/a b\n", "\xff\xfe", "--x=\u202e"};
  story.report.snapshot.process.executable = "/tmp/\x1b[2J";
  story.report.snapshot.process.container_id = "c0ffee";
  const ThreadIndex first = story.locking_thread(
      667, "a\nDEADLOCK", {story.own("f`](http://x)<b>|*_#", "a`b\x1b.cpp", 1)});
  const ThreadIndex second = story.locking_thread(
      668, std::string("nul\0byte", 8),
      {story.own("std::pair<" + std::string(3000, '<'), "", 0),
       story.own(
           "Outer<std::map<int, std::string>, std::vector<std::pair<int, long>>>::visit(Outer<int> "
           "const&, std::function<void (int)>)",
           "deep.h", 9),
       story.own("", "", 0)});
  story.report.stacks.stacks[second].end = StackEnd::kMemoryMissing;
  story.report.stacks.stacks[first].frames[3].interrupted = true;
  const ResourceIndex a =
      story.typed_mutex("lock\u202e\"\\", 0x1, "M`\x1b[31m](x)<" + std::string(9, '<'));
  const ResourceIndex b = story.typed_mutex(std::string(500, 'x'), 0x2, std::string(500, 'T'));
  story.held_by(a, first);
  story.guarded(a, 3, "`\x1b\n.cpp", 7, "g`\n- locked \u202e");
  story.held_by(b, second);
  story.took(b, 5, AttributedBy::kLockingCode, std::string(500, '/') + std::string(500, 'f'), 1);
  story.held_by(story.mutex("\nDEADLOCK", 0x3), second, FoundBy::kMemoryScan);
  const WaitIndex wants_b = story.waits(first, b);
  story.deadlock({wants_b, story.waits(second, a)});
  story.report.snapshot.blind_spots = {{BlindSpotKind::kModuleFileMissing, "/x\r\n`y`"}};
  return story.report;
}

// teller-1 ──wants──▶ Account::mu_ #2 ──held by──▶ teller-2 ──wants──▶ g_ledger
//    ▲                                                                    │
//    └──────held by────── Account::mu_ #1 ◀──wants── auditor ◀──held by───┘
Report held_locks() {
  Story story("vault", 7000);
  const ThreadIndex first =
      story.locking_thread(7001, "teller-1",
                           {story.own("Account::credit(long)", "account.cpp", 31),
                            story.location("(anonymous namespace)::debit(Account&, long)",
                                           "transfer.cpp", 18, "vault", true),
                            story.own("transfer(Account&, Account&, long)", "transfer.cpp", 40)});
  const ThreadIndex second =
      story.locking_thread(7002, "teller-2",
                           {story.own("Ledger::append(Entry)", "ledger.cpp", 66),
                            story.own("settle(Account&, Account&)", "settle.cpp", 24)});
  std::vector<std::size_t> recursion(25, story.own("visit(Node*)", "audit.cpp", 50));
  recursion.front() = story.own("check(Account&)", "audit.cpp", 12);
  recursion.push_back(story.own("", "", 0));
  recursion.push_back(story.own("main", "main.cpp", 77));
  const ThreadIndex third = story.locking_thread(7003, "auditor", recursion);
  std::vector<ResourceIndex> accounts;
  for (std::size_t i = 0; i < 3; ++i) {
    accounts.push_back(story.typed_mutex("Account::mu_", 0x7f0010000040 + 0x80 * i));
    story.report.diagnosis.resources[accounts[i]].named_by = NamedBy::kFrameObject;
    story.report.diagnosis.resources[accounts[i]].number = i + 1;
  }
  const ResourceIndex ledger = story.lock_of_kind(ResourceKind::kRwlock, "g_ledger", 0x609000);
  story.report.diagnosis.resources[ledger].type = "std::shared_mutex";
  story.held_by(accounts[0], first);
  story.guarded(accounts[0], 4, "transfer.cpp", 17);
  story.held_by(accounts[1], second);
  story.guarded(accounts[1], 4, "settle.cpp", 22, "both");
  story.held_by(accounts[2], second, FoundBy::kPointer);
  story.guarded(accounts[2], 4, "settle.cpp", 22, "both");
  story.held_by(ledger, third);
  story.took(ledger, 28, AttributedBy::kLockingCode);
  const ResourceIndex output = story.lock_of_kind(ResourceKind::kStdio, "stdout", 0x7f0020001040);
  story.held_by(output, third, FoundBy::kFileList);
  const ResourceIndex scratch = story.typed_mutex("scratch in main", 0x7ffd10203040);
  story.held_by(scratch, third, FoundBy::kVariable);
  story.took(scratch, 29, AttributedBy::kLockingCode, "main.cpp", 75);
  story.held_by(story.lock_of_kind(ResourceKind::kRwlock, "", 0x7f0010000800), third,
                FoundBy::kMemoryScan);
  const ThreadIndex idle = story.idle_thread(7010, "reserve");
  for (std::uint64_t i = 0; i < 8; ++i) {
    const ResourceIndex lock = story.mutex("g_slots+" + std::to_string(40 * i), 0x60a000 + 40 * i);
    story.report.diagnosis.resources[lock].named_by = NamedBy::kSymbol;
    story.report.diagnosis.resources[lock].mutex->robust = true;
    story.held_by(lock, i < 7 ? third : idle, FoundBy::kRobustList);
  }
  const WaitIndex wants_second = story.waits(first, accounts[1]);
  const WaitIndex wants_ledger = story.waits(second, ledger);
  story.deadlock({wants_second, wants_ledger, story.waits(third, accounts[0])});
  story.others({idle});
  return story.report;
}

Report core_deadlock() {
  Report report = two_lock_deadlock();
  report.snapshot.kind = TargetKind::kCore;
  report.snapshot.core =
      CoreFacts{.path = "/var/crash/core.48213",
                .signal = 6,
                .missing_bytes = 4096,
                .crash = CrashFacts{.thread = report.snapshot.threads.front().tid,
                                    .cause = CrashCause::kSent,
                                    .sender = Tid{1}}};
  report.snapshot.realtime.reset();
  report.snapshot.monotonic.reset();
  report.snapshot.process.age.reset();
  report.snapshot.blind_spots = {{BlindSpotKind::kCoreTruncated, "4096"}};
  for (ThreadSnapshot& thread : report.snapshot.threads) {
    thread.capture = CaptureWay::kFromCore;
    thread.not_run_for.reset();
    thread.age.reset();
    thread.cpu_time.reset();
    thread.switches.reset();
  }
  for (Wait& wait : report.diagnosis.waits) wait.waited.reset();
  for (Finding& finding : report.diagnosis.findings) {
    finding.since.reset();
    finding.confirmation = {};
  }
  return report;
}

Report saved_deadlock() {
  Report report = two_lock_deadlock();
  report.snapshot.saved = SavedFacts{
      .path = "/var/hangs/of today/hang.pstuck", .written_by = "pstuck 0.1.0", .host = "web-1"};
  return report;
}

Report empty() { return {}; }

namespace {

Reports of(std::vector<Report> targets) { return {.targets = std::move(targets)}; }

}  // namespace

std::vector<NamedReports> all_reports() {
  return {
      {"two_lock_deadlock", of({two_lock_deadlock()})},
      {"self_deadlock", of({self_deadlock()})},
      {"timed_deadlock", of({timed_deadlock()})},
      {"two_deadlocks", of({two_deadlocks()})},
      {"owner_exited", of({owner_exited()})},
      {"fork_inherited", of({fork_inherited()})},
      {"owner_recycled", of({owner_recycled()})},
      {"chain", of({chain()})},
      {"healthy", of({healthy()})},
      {"held_locks", of({held_locks()})},
      {"hostile_names", of({hostile_names()})},
      {"reader_deadlock", of({reader_deadlock()})},
      {"root_in_the_kernel", of({root_in_the_kernel()})},
      {"several_roots", of({several_roots()})},
      {"all_asleep", of({all_asleep()})},
      {"forked_semaphore", of({forked_semaphore()})},
      {"processes_deadlock", processes_deadlock()},
      {"core_deadlock", of({core_deadlock()})},
      {"saved_deadlock", of({saved_deadlock()})},
      {"empty", of({empty()})},
      {"two_targets", of({self_deadlock(), healthy()})},
      {"own_lock_table", of({own_lock_table()})},
      {"running_holder", of({running_holder()})},
  };
}

}  // namespace pstuck::golden
