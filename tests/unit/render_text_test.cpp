#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cli/escape.h"
#include "cli/renderers.h"
#include "tests/golden/reports.h"
#include "tests/golden/story.h"

namespace pstuck {
namespace {

/// Colours as letters, so that a test sees where they stand.
constexpr Palette kLetters{.bad = "<B>",
                           .good = "<G>",
                           .head = "<H>",
                           .name = "<N>",
                           .marker = "<M>",
                           .dim = "<D>",
                           .reset = "</>"};

std::string text_of(const Report& report, const Palette& palette = {}) {
  std::ostringstream out;
  render_text(report, false, palette, out);
  return out.str();
}

std::string threads_of(const Report& report) {
  std::ostringstream out;
  render_threads(report, false, {}, out);
  return out.str();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(TextReport, BeginsWithTheVerdict) {
  EXPECT_TRUE(text_of(golden::two_lock_deadlock())
                  .starts_with("DEADLOCK  orderd (pid 48213): 2 threads wait for each other"));
  EXPECT_TRUE(text_of(golden::owner_exited()).starts_with("STUCK  mailer (pid 300): 3 threads"));
  EXPECT_TRUE(text_of(golden::two_deadlocks()).starts_with("twins (pid 500): 2 deadlocks\n"));
  EXPECT_TRUE(text_of(golden::healthy()).starts_with("No hang found  webd (pid 4242)"));
  EXPECT_TRUE(text_of(golden::empty()).starts_with("Nothing is stuck"));
}

TEST(TextReport, NothingIsStuckOnlyWhenEveryWaitIsUnderstood) {
  Report report;
  report.snapshot.threads.resize(2);
  report.stacks.stacks.resize(2);
  report.diagnosis.threads = {{.activity = Activity::kIdle}, {.activity = Activity::kRuns}};
  EXPECT_TRUE(text_of(report).starts_with("Nothing is stuck"));
  report.diagnosis.threads[1].activity = Activity::kFutex;
  EXPECT_TRUE(text_of(report).starts_with("No hang found"));
}

TEST(TextReport, NothingIsStuckOnlyWhenNoWaitMayBeForAnotherThreadsUnit) {
  Report report;
  report.snapshot.threads.resize(1);
  report.stacks.stacks.resize(1);
  report.diagnosis.threads = {{.activity = Activity::kWaits, .wait = 0}};
  report.diagnosis.waits = {{.thread = 0, .kind = WaitKind::kNotification}};
  report.diagnosis.resources = {{.kind = ResourceKind::kCondition}};
  EXPECT_TRUE(text_of(report).starts_with("Nothing is stuck"));

  Wait& wait = report.diagnosis.waits[0];
  report.diagnosis.resources = {{.kind = ResourceKind::kSemaphore, .value = 0}};
  wait.kind = WaitKind::kUnit;
  EXPECT_TRUE(text_of(report).starts_with("No hang found"));

  report.diagnosis.resources = {{.kind = ResourceKind::kAtomic}};
  wait.kind = WaitKind::kChange;
  wait.recognised_by = RecognisedBy::kFunctionName;
  EXPECT_TRUE(text_of(report).starts_with("Nothing is stuck"));
  wait.recognised_by = RecognisedBy::kRegisters;  // what has no name may be a semaphore
  EXPECT_TRUE(text_of(report).starts_with("No hang found"));
}

TEST(TextReport, ColoursVerdictNamesAndMarks) {
  const std::string bad = text_of(golden::two_lock_deadlock(), kLetters);
  EXPECT_TRUE(bad.starts_with("<B>DEADLOCK</>  <N>orderd (pid 48213)</>: 2 threads"));
  EXPECT_TRUE(contains(bad, "<N>worker-3 (48231)</>  holds <N>g_router.mu_</>  taken in "));
  EXPECT_TRUE(contains(bad, "<D>libc.so.6</>\n"));
  EXPECT_TRUE(contains(bad, "<M>← waits for g_router.mu_</>\n"));
  EXPECT_TRUE(contains(bad, "<H>PILE-UP</>   7 threads wait for <N>g_cache.mu_</>"));
  EXPECT_TRUE(text_of(golden::healthy(), kLetters).starts_with("<G>No hang found</>"));
}

TEST(TextReport, HasNoColourWithoutAPalette) {
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const Report& report : named.reports.targets) {
      EXPECT_FALSE(contains(text_of(report), "\x1b")) << named.name;
      EXPECT_FALSE(contains(threads_of(report), "\x1b")) << named.name;
    }
  }
}

TEST(TextReport, OneDeadlockFitsOneScreen) {
  const std::string text = text_of(golden::two_lock_deadlock());
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40);
}

TEST(TextReport, SpeaksOfOneAsOfOne) {
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const Report& report : named.reports.targets) {
      for (const std::string& text : {text_of(report), threads_of(report)}) {
        EXPECT_FALSE(contains(text, "(s)")) << named.name;
        EXPECT_FALSE(contains(text, "\n1 threads")) << named.name;
        EXPECT_FALSE(contains(text, " 1 threads")) << named.name;
      }
    }
  }
}

TEST(TextReport, EveryLineIsPrintableAndEndsInNoSpace) {
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const Report& report : named.reports.targets) {
      std::istringstream lines(text_of(report) + threads_of(report));
      for (std::string line; std::getline(lines, line);) {
        EXPECT_FALSE(line.ends_with(' ')) << named.name << ": " << line;
        for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
      }
    }
  }
}

TEST(TextReport, SaysHowEachFindingIsKnown) {
  Report report = golden::two_lock_deadlock();
  Confirmation& confirmation = report.diagnosis.findings[0].confirmation;
  EXPECT_TRUE(contains(text_of(report), "nobody in the cycle ran between two reads 25 ms apart."));
  confirmation.counters_seen = false;
  EXPECT_TRUE(contains(text_of(report), "two reads 25 ms apart saw the same waits and owners."));
  confirmation.looked_again = false;
  EXPECT_TRUE(contains(text_of(report), "no second look was taken."));
  EXPECT_TRUE(contains(text_of(golden::core_deadlock()), "a core shows one instant"));
  report.diagnosis.findings[0].evidence = Evidence::kInferred;
  EXPECT_TRUE(
      contains(text_of(report),
               "LIKELY DEADLOCK  orderd (pid 48213): 2 threads likely wait for each other"));
}

TEST(TextReport, TellsWhereTheLocksOfACycleWereTaken) {
  Report report = golden::two_lock_deadlock();
  const std::string order =
      "  Order: Router::dispatch takes g_router.mu_ → g_cache.mu_; Cache::evict takes "
      "g_cache.mu_ → g_router.mu_.\n";
  EXPECT_TRUE(contains(text_of(report),
                       "holds g_router.mu_  taken in Router::dispatch  "
                       "router.cpp:86\n"));
  EXPECT_TRUE(contains(text_of(report), "router.cpp:88              ← took g_router.mu_\n"));
  EXPECT_TRUE(contains(text_of(report), order));
  report.diagnosis.held[0].acquisition.reset();
  EXPECT_TRUE(contains(text_of(report), "  worker-3 (48231)  holds g_router.mu_\n"));
  EXPECT_FALSE(contains(text_of(report), "Order: "));
}

TEST(TextReport, ALineThatIsNotKnownIsNotThatOfTheFrame) {
  Report report = golden::two_lock_deadlock();
  Acquisition& acquisition = *report.diagnosis.held[0].acquisition;
  acquisition.by = AttributedBy::kLockingCode;
  acquisition.line = 0;
  acquisition.file.clear();
  EXPECT_TRUE(contains(text_of(report), "holds g_router.mu_  taken in Router::dispatch\n"));
}

TEST(TextReport, CodeWithoutANameTellsItsModuleOnce) {
  Report report = golden::two_lock_deadlock();
  for (Location& at : report.stacks.locations) {
    if (at.module == "orderd") at.function = at.file = "";
  }
  for (HeldLock& held : report.diagnosis.held) {
    held.acquisition->by = AttributedBy::kLockingCode;
    held.acquisition->file.clear();
    held.acquisition->line = 0;
  }
  const std::string text = text_of(report);
  EXPECT_TRUE(contains(text, "  worker-3 (48231)  holds g_router.mu_  taken in orderd+0x1"));
  EXPECT_FALSE(contains(text, "  orderd\n"));
  EXPECT_FALSE(contains(text, "  orderd  "));
}

TEST(TextReport, AStackReachesTheFrameThatTookTheLock) {
  Report report = golden::held_locks();
  const std::string text = text_of(report);
  EXPECT_TRUE(contains(text, "← took g_ledger\n    … 1 more frame\n"));
  EXPECT_TRUE(contains(text, "← took Account::mu_ #2 and Account::mu_ #3\n"));
  EXPECT_TRUE(contains(text,
                       "\n    also holds scratch in main, taken in main at main.cpp:75; and, frame "
                       "not known: stdout, "));
  EXPECT_TRUE(contains(text, "rwlock 0x7f0010000800 (found by scanning memory)"));
  auto& frames = report.stacks.stacks[2].frames;
  frames.insert(frames.begin() + 10, 50, frames[10]);
  for (HeldLock& held : report.diagnosis.held) {
    if (held.thread == 2 && held.acquisition) held.acquisition->frame += 50;
  }
  const std::string far = text_of(report);
  EXPECT_TRUE(contains(far, "\n    … 68 more frames\n"));
  EXPECT_TRUE(contains(far, "\n    also holds g_ledger, taken in vault+0x1140; scratch in main, "));
}

TEST(TextReport, AFrameCanWaitAndHold) {
  EXPECT_TRUE(contains(text_of(golden::chain()), "← waits for g_stage_1, took g_stage_2\n"));
}

TEST(TextReport, AHolderTellsWhereItTookTheLockAndWhatElseItHolds) {
  const std::string text = text_of(golden::chain());
  EXPECT_TRUE(contains(text,
                       "\n  flusher (801) took g_stage_1 in Flusher::flush at flush.cpp:40 and "
                       "has slept 3m 12s in clock_nanosleep\n"));
  EXPECT_TRUE(
      contains(text,
               "\n    also holds, frame not known: stdout and mutex 0x7f0010004000 (found by "
               "scanning memory)\n"));
}

TEST(TextReport, ALockInnerToTheProgramsFramesIsShown) {
  Report report = golden::chain();
  for (HeldLock& held : report.diagnosis.held) {
    if (held.thread == 0 && held.acquisition) held.acquisition->frame = 0;
  }
  EXPECT_TRUE(
      contains(text_of(report), "    #0  clock_nanosleep   libc.so.6     ← took g_stage_1\n"));
}

TEST(TextReport, OneLockHasOneNameThatNoOtherHas) {
  Report report = golden::held_locks();
  EXPECT_TRUE(contains(text_of(report), "Account::mu_ #1"));
  EXPECT_FALSE(contains(text_of(report), "Account::mu_ #1 at"));
  for (Resource& resource : report.diagnosis.resources) resource.number = 0;
  EXPECT_TRUE(contains(text_of(report), "wants Account::mu_ at 0x7f00100000c0"));
  report.diagnosis.resources[0].name = std::string(50, 'x') + "1" + std::string(50, 'y');
  report.diagnosis.resources[1].name = std::string(50, 'x') + "2" + std::string(50, 'y');
  EXPECT_TRUE(contains(text_of(report), "yyyy at 0x7f00100000c0 "));
}

TEST(TextReport, NonsensicalHoldsAreLeftOut) {
  Report report = golden::held_locks();
  for (HeldLock& held : report.diagnosis.held) {
    if (held.acquisition) held.acquisition->frame = SIZE_MAX;
  }
  EXPECT_FALSE(contains(text_of(report), "taken in"));
  report.diagnosis.held.push_back({.thread = 9999, .resource = 0});
  report.diagnosis.held.push_back({.thread = 0, .resource = 9999});
  EXPECT_FALSE(contains(text_of(report), "an unknown lock"));
  EXPECT_FALSE(contains(threads_of(report), "an unknown lock"));
}

TEST(TextReport, TellsWhenATimedCycleEnds) {
  Report report = golden::timed_deadlock();
  EXPECT_TRUE(contains(text_of(report), "· breaks by itself in 4.2 s\n"));
  report.diagnosis.findings[0].ends_by_itself = std::chrono::nanoseconds(-1);
  EXPECT_TRUE(contains(text_of(report), "· a timeout in it is due now\n"));
}

TEST(TextReport, NamesTheReasonForEveryUnknownHolder) {
  Report report = golden::owner_exited();
  report.diagnosis.findings.clear();
  Holder& holder = report.diagnosis.resources[0].holder;
  for (const auto& [fate, words] : std::vector<std::pair<OwnerFate, std::string>>{
           {OwnerFate::kInTransition, "which was changing hands"},
           {OwnerFate::kExited, "whose owner 305 has exited"},
           {OwnerFate::kOtherProcess, "held by thread 305 of another process"},
           {OwnerFate::kOtherNamespace, "in a PID namespace that pstuck cannot see into"},
           {OwnerFate::kNotRecorded, "whose kind or state records no owner"},
           {OwnerFate::kUnreadable, "whose memory could not be read"}}) {
    holder.fate = fate;
    EXPECT_TRUE(contains(text_of(report), "3 threads wait for g_queue, ")) << words;
    EXPECT_TRUE(contains(text_of(report), words)) << words;
  }
}

TEST(TextReport, NamesTheReasonWhereALockFileLedToNoOwner) {
  Report report = golden::all_asleep();
  const auto lock = std::ranges::find_if(report.diagnosis.resources, [](const Resource& resource) {
    return resource.owner_gap.has_value();
  });
  ASSERT_NE(lock, report.diagnosis.resources.end());
  for (const auto& [kind, words] : std::vector<std::pair<OwnerGap::Kind, std::string>>{
           {OwnerGap::Kind::kNoMember, "no debug information tells where a\\x1bb is"},
           {OwnerGap::Kind::kNoTable, "no single variable of the program is called a\\x1bb"},
           {OwnerGap::Kind::kNoThread, "it records a\\x1bb, which leads to no thread"}}) {
    lock->owner_gap = OwnerGap{kind,
                               "a\x1b"
                               "b"};
    EXPECT_TRUE(contains(text_of(report), "g_loaded, whose owner is not known: " + words));
  }
}

TEST(TextReport, AChainOfWaitsThatIsACircleEnds) {
  Report report = golden::two_lock_deadlock();
  report.diagnosis.findings.clear();
  EXPECT_TRUE(contains(text_of(report), "a circle that was seen to move"));
}

TEST(TextReport, ALongChainNamesItsEnds) {
  Report report = golden::chain();
  Diagnosis& diagnosis = report.diagnosis;
  for (std::size_t i = 0; i < 20; ++i) {
    Wait wait = diagnosis.waits.back();
    Resource resource = diagnosis.resources.back();
    resource.name = "g_more_" + std::to_string(i);
    resource.holder.thread = wait.thread;
    resource.blocker = wait.thread;
    diagnosis.resources.push_back(resource);
    report.snapshot.threads.push_back(report.snapshot.threads.back());
    report.snapshot.threads.back().tid.value += 1;
    wait.thread = report.snapshot.threads.size() - 1;
    wait.resource = diagnosis.resources.size() - 1;
    diagnosis.waits.push_back(wait);
    ThreadStatus status = diagnosis.threads.back();
    status.wait = diagnosis.waits.size() - 1;
    diagnosis.threads.resize(report.snapshot.threads.size());
    diagnosis.threads.back() = status;
  }
  PileUp pile;
  pile.resource = diagnosis.resources.size() - 1;
  pile.waits = {diagnosis.waits.size() - 1};
  diagnosis.pile_ups = {pile};
  diagnosis.root_blockers.clear();
  const std::string text = text_of(report);
  EXPECT_TRUE(contains(text, "waits for g_more_19, held by"));
  EXPECT_FALSE(contains(text, "g_more_5,"));
  EXPECT_TRUE(contains(text, "… to flusher (801), which has slept 3m 12s in clock_nanosleep"));
}

TEST(TextReport, SaysWhomTheEndOfAChainFrees) {
  Report report = golden::chain();
  report.diagnosis.findings.clear();
  EXPECT_TRUE(contains(text_of(report),
                       "held by flusher (801), which has slept 3m 12s in clock_nanosleep · moving "
                       "it frees 27 of 28 threads\n"));
  report.diagnosis.root_blockers[0].frees = 3;
  EXPECT_TRUE(contains(text_of(report), " · moving it frees up to 27 of 28 threads\n"));
  EXPECT_FALSE(contains(text_of(report), "ROOTS"));
}

TEST(TextReport, RanksTheRootsWhereThereAreSeveralThatNoFindingTells) {
  Report report = golden::several_roots();
  EXPECT_TRUE(contains(text_of(report), "\nROOTS     moving fetcher (5001) frees 3 of 12 threads"));
  EXPECT_TRUE(contains(text_of(report), "\n          breaking the deadlock above frees 4 of 12"));
  EXPECT_TRUE(contains(threads_of(report), "\nmoving fetcher (5001) frees 3 of 12 threads"));
  auto& roots = report.diagnosis.root_blockers;
  roots = {roots[1]};
  EXPECT_FALSE(contains(text_of(report), "ROOTS"));  // the deadlock's line says so
}

TEST(TextReport, TellsAThreadsIdAsItsNamespaceCountsWhereThatDiffers) {
  Report report = golden::chain();
  report.snapshot.threads[0].tid_in_target = Tid{12};
  EXPECT_TRUE(contains(text_of(report), "behind flusher (801, 12 in its namespace), which holds"));
  EXPECT_TRUE(contains(threads_of(report), "\"flusher\" tid 801  "));
  EXPECT_TRUE(contains(threads_of(report), "tid 12 in its own namespace\n"));
}

TEST(TextReport, StaysShortForThousandsOfThreadsInOneCycle) {
  Report report = golden::two_lock_deadlock();
  Cycle& cycle = report.diagnosis.cycles[0];
  const Cycle pair = cycle;
  for (int i = 0; i < 5000; ++i) {
    cycle.waits.insert(cycle.waits.end(), pair.waits.begin(), pair.waits.end());
    cycle.holders.insert(cycle.holders.end(), pair.holders.begin(), pair.holders.end());
  }
  const std::string text = text_of(report);
  EXPECT_TRUE(contains(text, "… 9986 more threads: pstuck -a 48213"));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 150);
}

TEST(ThreadsReport, ShowsEveryThreadWithItsWaitAndHolder) {
  const std::string text = threads_of(golden::two_lock_deadlock());
  for (const ThreadSnapshot& thread : golden::two_lock_deadlock().snapshot.threads) {
    EXPECT_TRUE(
        contains(text, "\n\"" + thread.name + "\" tid " + std::to_string(thread.tid.value)));
  }
  EXPECT_TRUE(
      contains(text,
               "\"worker-3\" tid 48231  waits 3m 12s for g_cache.mu_ (std::mutex), held by 48235 "
               "\"worker-7\", in the deadlock\n"));
  EXPECT_TRUE(
      contains(text,
               "   #3  Cache::get(Key const&)     cache.cpp:41\n"
               "       - waiting to lock g_cache.mu_ (std::mutex 0x55d9c0104080)\n"
               "   #4  Router::dispatch(Request)  router.cpp:88\n"
               "       - locked g_router.mu_ (std::mutex 0x55d9c0104040), guard lock, taken at "
               "router.cpp:86\n"));
  EXPECT_TRUE(contains(text, "\nFound 1 deadlock.\n"));
  EXPECT_TRUE(contains(threads_of(golden::two_deadlocks()), "\nFound 2 deadlocks.\n"));
  EXPECT_TRUE(contains(threads_of(golden::healthy()), "\nFound no deadlock.\n"));
}

TEST(ThreadsReport, TellsHowEachFrameIsKnown) {
  const std::string text = threads_of(golden::held_locks());
  for (const std::string_view line :
       {"       - locked Account::mu_ #1 (std::mutex 0x7f0010000040), guard lock, taken at "
        "transfer.cpp:17\n",
        "       - locked Account::mu_ #2 (std::mutex 0x7f00100000c0), guard both, taken at "
        "settle.cpp:22\n"
        "       - locked Account::mu_ #3 (std::mutex 0x7f0010000140), guard both, taken at "
        "settle.cpp:22\n",
        "       - locked g_ledger (std::shared_mutex 0x609000), known from its code\n",
        "       - locked scratch in main (std::mutex 0x7ffd10203040), known from its code, "
        "taken at main.cpp:75\n",
        "\n   - locked, frame not known: stdout (FILE lock 0x7f0020001040)\n",
        "\n   - locked, frame not known: rwlock 0x7f0010000800, found by scanning memory\n",
        "\n   - locked, frame not known: g_slots+280 (robust mutex 0x60a118)\n"}) {
    EXPECT_TRUE(contains(text, line)) << line;
  }
  EXPECT_TRUE(contains(threads_of(golden::timed_deadlock()),
                       "       - locked g_book (pthread_mutex_t process-shared robust "
                       "priority-inheritance recursive 0x601040), 3 times, known from its code, "
                       "taken at transfer.cpp:29\n"));
}

TEST(TextReport, SaysWhenNobodyIsLeftForABarrier) {
  golden::Story story("childd", 900);
  const ThreadIndex child = story.locking_thread(900, "childd", {story.own("main", "m.cpp", 3)});
  const ResourceIndex team = story.lock_of_kind(ResourceKind::kBarrier, "g_team", 0x55d9c0204100);
  story.report.diagnosis.resources[team].parties = PartyCount{1, 4, 3};
  story.pile_up(team, {story.waits(child, team, WaitKind::kArrivals)});
  EXPECT_TRUE(contains(text_of(story.report),
                       "waits at g_team, 1 of 4 have arrived, the others are "
                       "no threads of this process"));
  story.report.diagnosis.resources[team].process_shared = true;
  EXPECT_TRUE(contains(text_of(story.report), "who is missing is not recorded"));
  story.report.diagnosis.resources[team].process_shared = false;
  story.thread(901, "other", {story.own("work", "m.cpp", 9)}, Activity::kRuns, -1);
  EXPECT_TRUE(contains(text_of(story.report), "who is missing is not recorded"));
}

TEST(TextReport, NamesWhatASignalHandlerInterrupted) {
  const auto interrupted_at = [](std::size_t frame) {
    Report report = golden::self_deadlock();
    report.stacks.stacks[0].frames[frame].interrupted = true;
    return text_of(report);
  };
  EXPECT_TRUE(contains(interrupted_at(4),
                       "waits, in a signal handler that interrupted "
                       "Index::insert, for mutex 0x7ffd10203040, which it "));
  EXPECT_TRUE(contains(interrupted_at(5), "a signal handler that interrupted main, for"));
  EXPECT_TRUE(contains(interrupted_at(1), "waits for mutex 0x7ffd10203040, which it holds itself"));
}

TEST(TextReport, NamesTheFunctionOfLibcThatTheProgramCalled) {
  Report report = golden::self_deadlock();
  Stack& stack = report.stacks.stacks[0];
  const Frame malloc = stack.frames[1];
  report.stacks.locations[malloc.location].function = "malloc";
  stack.frames.insert(stack.frames.begin() + 4, {stack.frames[0], malloc});
  stack.frames[4].interrupted = true;
  for (HeldLock& held : report.diagnosis.held) held.acquisition->frame += 2;
  EXPECT_TRUE(contains(text_of(report), "a signal handler that interrupted malloc, for"));
}

TEST(ThreadsReport, TheLineIsToldOnlyWhereTheFrameHasAnother) {
  Report report = golden::two_lock_deadlock();
  for (HeldLock& held : report.diagnosis.held) held.acquisition->variable.clear();
  EXPECT_TRUE(contains(threads_of(report), "0x55d9c0104040), taken at router.cpp:86\n"));
  report.diagnosis.held[0].acquisition->line = 88;
  EXPECT_TRUE(contains(threads_of(report), "0x55d9c0104040)\n"));
}

TEST(ThreadsReport, CountsLocksWithoutFrameBeyondAHundred) {
  Report report = golden::self_deadlock();
  HeldLock held = report.diagnosis.held[0];
  held.acquisition.reset();
  report.diagnosis.held.assign(105, held);
  EXPECT_TRUE(contains(threads_of(report), "\n   - locked, frame not known: 5 more locks\n"));
}

TEST(ThreadsReport, ANameCannotPoseAsAThread) {
  Report report = golden::self_deadlock();
  report.snapshot.threads[0].name = "x\" tid 1";
  EXPECT_TRUE(contains(threads_of(report), "\n\"x\\\" tid 1\" tid 700  "));
}

TEST(Render, SeparatesSeveralTargets) {
  std::ostringstream out;
  render({.targets = {golden::self_deadlock(), golden::healthy()}}, Format::kText, {}, out);
  EXPECT_TRUE(out.str().starts_with("==> indexd (pid 700) <==\n\nDEADLOCK"));
  EXPECT_TRUE(contains(out.str(), "\n==> webd (pid 4242) <==\n\nNo hang found"));
}

TEST(HangStatus, IsOneWhenAnyTargetHangs) {
  EXPECT_EQ(hang_status({}), 0);
  EXPECT_EQ(hang_status({.targets = {golden::healthy()}}), 0);
  EXPECT_EQ(hang_status({.targets = {golden::healthy(), golden::owner_exited()}}), 1);
}

}  // namespace
}  // namespace pstuck
