#include <gtest/gtest.h>

#include <sstream>

#include "cli/escape.h"
#include "cli/renderers.h"
#include "tests/golden/reports.h"

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
  render_text(report, palette, out);
  return out.str();
}

std::string threads_of(const Report& report) {
  std::ostringstream out;
  render_threads(report, {}, out);
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

TEST(TextReport, ColoursVerdictNamesAndMarks) {
  const std::string bad = text_of(golden::two_lock_deadlock(), kLetters);
  EXPECT_TRUE(bad.starts_with("<B>DEADLOCK</>  <N>orderd (pid 48213)</>: 2 threads"));
  EXPECT_TRUE(contains(bad, "<N>worker-3 (48231)</>  holds <N>g_router</>\n"));
  EXPECT_TRUE(contains(bad, "<D>libc.so.6</>\n"));
  EXPECT_TRUE(contains(bad, "<M>← waits for g_router</>\n"));
  EXPECT_TRUE(contains(bad, "<H>PILE-UP</>   7 threads wait for <N>g_cache+0x28</>"));
  EXPECT_TRUE(text_of(golden::healthy(), kLetters).starts_with("<G>No hang found</>"));
}

TEST(TextReport, HasNoColourWithoutAPalette) {
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const Report& report : named.reports) {
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
    for (const Report& report : named.reports) {
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
    for (const Report& report : named.reports) {
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
  EXPECT_TRUE(contains(text_of(report), ": likely: 2 threads wait for each other"));
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
  const std::string text = text_of(report);
  EXPECT_TRUE(contains(text, "waits for g_more_19, held by"));
  EXPECT_FALSE(contains(text, "g_more_5,"));
  EXPECT_TRUE(contains(text, "… to flusher (801), which sleeps in clock_nanosleep"));
}

TEST(TextReport, StaysShortForThousandsOfThreadsInOneCycle) {
  Report report = golden::two_lock_deadlock();
  auto& waits = report.diagnosis.cycles[0].waits;
  const std::vector<WaitIndex> pair = waits;
  for (int i = 0; i < 5000; ++i) waits.insert(waits.end(), pair.begin(), pair.end());
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
               "   #3  Cache::get(Key const&)     cache.cpp:41\n"
               "       - waiting to lock g_cache+0x28 (mutex 0x55d9c0104080), held by 48235 "
               "\"worker-7\", for 3m 12s\n"));
  EXPECT_TRUE(contains(text, "   - holds g_router (mutex 0x55d9c0104040)\n"));
  EXPECT_TRUE(contains(text, "\nFound 1 deadlock.\n"));
  EXPECT_TRUE(contains(threads_of(golden::two_deadlocks()), "\nFound 2 deadlocks.\n"));
  EXPECT_TRUE(contains(threads_of(golden::healthy()), "\nFound no deadlock.\n"));
}

TEST(ThreadsReport, ANameCannotPoseAsAThread) {
  Report report = golden::self_deadlock();
  report.snapshot.threads[0].name = "x\" tid 1";
  EXPECT_TRUE(contains(threads_of(report), "\n\"x\\\" tid 1\" tid 700  "));
}

TEST(Render, SeparatesSeveralTargets) {
  std::ostringstream out;
  render({golden::self_deadlock(), golden::healthy()}, Format::kText, {}, out);
  EXPECT_TRUE(out.str().starts_with("==> indexd (pid 700) <==\n\nDEADLOCK"));
  EXPECT_TRUE(contains(out.str(), "\n==> webd (pid 4242) <==\n\nNo hang found"));
}

TEST(HangStatus, IsOneWhenAnyTargetHangs) {
  EXPECT_EQ(hang_status({}), 0);
  EXPECT_EQ(hang_status({golden::healthy()}), 0);
  EXPECT_EQ(hang_status({golden::healthy(), golden::owner_exited()}), 1);
}

}  // namespace
}  // namespace pstuck
