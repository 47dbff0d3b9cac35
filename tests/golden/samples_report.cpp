#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck::golden {

// 2 × search ──▶ g_index.mu_, held by rebuilder, who runs      copier makes system calls
Report running_holder() {
  constexpr std::int64_t kRead = 0;
  using std::chrono::milliseconds;
  Story story("indexd", 2000);
  const ThreadIndex holder =
      story.thread(2001, "rebuilder",
                   {story.libc("memmove"), story.own("Index::sort(Run&)", "index.cpp", 70),
                    story.own("Index::rebuild()", "index.cpp", 31)},
                   Activity::kRuns, -1);
  const ThreadIndex copier =
      story.thread(2002, "copier", {story.own("copy()", "copy.cpp", 8)}, Activity::kRuns, kRead);
  const ThreadIndex gone =
      story.thread(2003, "hasty", {story.own("once()", "once.cpp", 2)}, Activity::kRuns, -1);
  const ThreadIndex slow =
      story.thread(2004, "waker", {story.own("nap()", "nap.cpp", 4)}, Activity::kRuns, -1);
  const ResourceIndex lock = story.typed_mutex("g_index.mu_", 0x601000);
  story.held_by(lock, holder);
  story.guarded(lock, 2, "index.cpp", 29);
  const std::size_t search = story.own("Index::search(Key)", "index.cpp", 12);
  std::vector<WaitIndex> waits;
  for (const std::int32_t tid : {2010, 2011}) {
    waits.push_back(story.waits(story.locking_thread(tid, "search", {search}), lock));
  }
  PileUp& pile = story.pile_up(lock, waits);
  pile.root = pile.end = holder;
  pile.hops = 1;
  story.root_blocker(holder, {0});
  story.others({holder, copier, gone, slow});

  Samples& samples = story.report.diagnosis.samples;
  samples.looks = 5;
  samples.span = milliseconds(204);
  samples.threads = {{.thread = holder,
                      .ran = true,
                      .cpu_time = milliseconds(201),
                      .kernel_time = milliseconds(0),
                      .stacks = 5,
                      .same_frames = 2,
                      .frame = 1},
                     {.thread = copier,
                      .ran = true,
                      .cpu_time = milliseconds(102),
                      .kernel_time = milliseconds(90),
                      .stacks = 5,
                      .in_kernel = 4,
                      .syscall = kRead,
                      .same_frames = 1,
                      .frame = 0},
                     {.thread = gone, .ran = true, .ended = true, .stacks = 1},
                     {.thread = slow, .stacks = 5, .same_frames = 1, .frame = 0}};
  for (const WaitIndex wait : waits) {
    samples.threads.push_back({.thread = story.report.diagnosis.waits[wait].thread});
  }
  return story.report;
}

}  // namespace pstuck::golden
