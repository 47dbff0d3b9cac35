#include <gtest/gtest.h>

#include <sstream>

#include "cli/renderers.h"
#include "tests/golden/reports.h"

namespace pstuck {
namespace {

std::string postmortem_of(const Report& report) {
  std::ostringstream out;
  render_postmortem(report, out);
  return out.str();
}

/// The headings outside of code blocks.
std::vector<std::string> headings_of(const std::string& markdown) {
  std::vector<std::string> headings;
  std::istringstream lines(markdown);
  std::string fence;
  for (std::string line; std::getline(lines, line);) {
    if (fence.empty() && line.starts_with("```")) {
      fence = line.substr(0, line.find_first_not_of('`'));
    } else if (!fence.empty() && line == fence) {
      fence.clear();
    } else if (fence.empty() && line.starts_with("## ")) {
      headings.push_back(line.substr(3));
    }
  }
  EXPECT_EQ(fence, "") << "a code block is left open";
  return headings;
}

TEST(Postmortem, HasItsEightSectionsForEveryReport) {
  const std::vector<std::string> sections{
      "Trigger",    "Cycle", "Detection delay",    "Diagnosis tools",
      "Root cause", "Patch", "Preventive measure", "Tests"};
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const Report& report : named.reports) {
      EXPECT_EQ(headings_of(postmortem_of(report)), sections) << named.name;
    }
  }
}

TEST(Postmortem, FillsInTheFacts) {
  const std::string text = postmortem_of(golden::two_lock_deadlock());
  for (const std::string_view fact :
       {"`worker-3 (48231)` holds `g_router` and waits for `g_cache+0x28` in `Cache::get` at "
        "`cache.cpp:41`, for 3m 12s.",
        "1. Mutual exclusion: `g_cache+0x28` is a mutex, held by `worker-7 (48235)`",
        "2. Hold and wait: ", "3. No preemption: no wait above has a timeout",
        "4. Circular wait: `worker-3 (48231)` → `worker-7 (48235)` → `worker-3 (48231)`.",
        "since 2025-11-23 22:26:53 UTC or before", "between two reads 25 ms apart"}) {
    EXPECT_NE(text.find(fact), std::string::npos) << fact;
  }
}

TEST(Postmortem, AsksAboutThisVeryDiagnosis) {
  const std::string text = postmortem_of(golden::two_lock_deadlock());
  for (const std::string_view prompt :
       {"- [ ] Choose the order of `g_cache+0x28` and `g_router`",
        "- [ ] Why does `Router::reload` at `router.cpp:131` want `g_router` while its thread has "
        "`g_cache+0x28`?",
        "- [ ] Reproduce the interleaving: "}) {
    EXPECT_NE(text.find(prompt), std::string::npos) << prompt;
  }
  EXPECT_NE(postmortem_of(golden::timed_deadlock()).find("before the join in `transfer`"),
            std::string::npos);
  EXPECT_NE(postmortem_of(golden::fork_inherited()).find("between fork() and exec()"),
            std::string::npos);
}

TEST(Postmortem, SaysWhichConditionsWereNotShown) {
  const std::string text = postmortem_of(golden::chain());
  EXPECT_NE(text.find("4. Circular wait: not shown"), std::string::npos);
  EXPECT_NE(postmortem_of(golden::timed_deadlock()).find("3. No preemption: only for a time"),
            std::string::npos);
}

TEST(Postmortem, ShowsNoMarkupOfTheTarget) {
  const std::string text = postmortem_of(golden::hostile_names());
  EXPECT_NE(text.find("``f`](http://x)<b>|*_#``"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\nDEADLOCK"), std::string::npos);
}

}  // namespace
}  // namespace pstuck
