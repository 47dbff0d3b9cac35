#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck::golden {

// 3 × query ──▶ g_pool, held by fetcher, who reads      2 × flush ──▶ g_log, held by a deadlock
// 2 × resize ──▶ g_map, read by scan-1, who runs no more, and by scan-2
Report several_roots() {
  constexpr std::int64_t kRead = 0;
  Story story("multid", 5000);
  const std::size_t ask = story.own("ask()", "ask.cpp", 5);
  const std::size_t scan = story.own("scan()", "scan.cpp", 6);
  const auto reader = [&](std::int32_t tid, const std::string& name, std::size_t function) {
    const ThreadIndex thread =
        story.thread(tid, name, {story.libc("read"), function}, Activity::kBlocked, kRead);
    story.report.diagnosis.threads[thread].frame = 1;
    return thread;
  };
  const ThreadIndex fetcher = reader(5001, "fetcher", ask);
  const ThreadIndex first_scan = reader(5002, "scan-1", scan);
  const ThreadIndex last_scan = reader(5003, "scan-2", scan);
  const ThreadIndex left = story.locking_thread(5004, "left", {story.own("l()", "lr.cpp", 1)});
  const ThreadIndex right = story.locking_thread(5005, "right", {story.own("r()", "lr.cpp", 2)});

  const ResourceIndex pool = story.mutex("g_pool", 0x601000);
  const ResourceIndex queue = story.mutex("g_queue", 0x601040);
  const ResourceIndex log = story.mutex("g_log", 0x601080);
  const ResourceIndex sink = story.mutex("g_sink", 0x6010c0);
  const ResourceIndex map = story.lock_of_kind(ResourceKind::kRwlock, "g_map", 0x601100);
  story.held_by(pool, fetcher);
  story.held_by(queue, fetcher);
  story.held_by(log, left);
  story.held_by(sink, right);
  story.has_part(map, first_scan, Part::kReads, 1);
  story.has_part(map, last_scan, Part::kReads, 1);
  story.report.diagnosis.resources[map].blocker = last_scan;

  const WaitIndex wants_sink = story.waits(left, sink);
  const WaitIndex wants_log = story.waits(right, log);
  const auto crowd = [&](std::int32_t tid, const std::string& name, std::size_t count,
                         ResourceIndex lock, WaitKind kind = WaitKind::kLock) {
    const std::size_t function = story.own(name + "()", name + ".cpp", 9);
    std::vector<WaitIndex> waits;
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = tid + static_cast<std::int32_t>(i);
      waits.push_back(story.waits(story.locking_thread(id, name, {function}), lock, kind));
    }
    PileUp& pile = story.pile_up(lock, waits);
    pile.hops = 1;
    return &pile;
  };
  crowd(5010, "query", 2, pool)->root = fetcher;
  crowd(5020, "push", 1, queue)->root = fetcher;
  crowd(5030, "flush", 2, log)->cycle = 0;
  crowd(5040, "resize", 2, map, WaitKind::kWriteLock)->root = last_scan;

  story.root_blocker(fetcher, {0, 1});
  story.root_blocker({}, {2}).cycle = 0;
  story.report.diagnosis.root_blockers.back().thread.reset();
  story.report.diagnosis.root_blockers.back().frees = 4;
  story.root_blocker(last_scan, {3}).frees = 0;
  Finding& finding = story.deadlock({wants_sink, wants_log});
  finding.stuck_behind = story.report.diagnosis.root_blockers[1].victims;
  story.others({first_scan});
  return story.report;
}

}  // namespace pstuck::golden
