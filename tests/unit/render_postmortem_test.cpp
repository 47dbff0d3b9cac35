#include <gtest/gtest.h>

#include <sstream>

#include "cli/renderers.h"
#include "tests/golden/reports.h"

namespace pstuck {
namespace {

std::string postmortem_of(const Report& report) {
  std::ostringstream out;
  render_postmortem({.targets = {report}}, 0, out);
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
    for (const Report& report : named.reports.targets) {
      EXPECT_EQ(headings_of(postmortem_of(report)), sections) << named.name;
    }
  }
}

TEST(Postmortem, FillsInTheFacts) {
  const std::string text = postmortem_of(golden::two_lock_deadlock());
  for (const std::string_view fact :
       {"`worker-3 (48231)` holds `g_router.mu_`, taken in `Router::dispatch` at `router.cpp:86`, "
        "and waits for `g_cache.mu_` in `Cache::get` at `cache.cpp:41`, for 3m 12s.",
        "1. Mutual exclusion: `g_cache.mu_` is a std::mutex, held by `worker-7 (48235)`",
        "2. Hold and wait: ", "3. No preemption: no wait above has a timeout",
        "4. Circular wait: `worker-3 (48231)` → `worker-7 (48235)` → `worker-3 (48231)`.",
        "since 2025-11-23 22:26:53 UTC or before", "between two reads 25 ms apart"}) {
    EXPECT_NE(text.find(fact), std::string::npos) << fact;
  }
}

TEST(Postmortem, AsksAboutThisVeryDiagnosis) {
  const std::string text = postmortem_of(golden::two_lock_deadlock());
  for (const std::string_view prompt :
       {"- [ ] Choose the order of `g_cache.mu_` and `g_router.mu_`",
        "- [ ] Why is `g_cache.mu_` still held when `Router::reload` at `router.cpp:131` wants "
        "`g_router.mu_`?",
        "- [ ] Use `g_cache.mu_` and `g_router.mu_` in one order in `Router::dispatch` at "
        "`router.cpp:86` and `Cache::evict` at `cache.cpp:90`",
        "- [ ] Reproduce the interleaving: "}) {
    EXPECT_NE(text.find(prompt), std::string::npos) << prompt;
  }
  EXPECT_NE(postmortem_of(golden::timed_deadlock()).find("before the join in `transfer`"),
            std::string::npos);
  EXPECT_NE(postmortem_of(golden::fork_inherited()).find("between fork() and exec()"),
            std::string::npos);
}

TEST(Postmortem, TellsTheOrderInWhichLocksAreTaken) {
  Report report = golden::two_lock_deadlock();
  const std::string text = postmortem_of(report);
  for (const std::string_view fact :
       {"\n- `g_router.mu_` is taken in `Router::dispatch` at `router.cpp:86`, then `g_cache.mu_` "
        "is "
        "wanted in `Cache::get` at `cache.cpp:41`.\n",
        "\n- Orders that were seen: `Router::dispatch` takes `g_router.mu_` → `g_cache.mu_`; "
        "`Cache::evict` takes `g_cache.mu_` → `g_router.mu_`.\n"}) {
    EXPECT_NE(text.find(fact), std::string::npos) << fact;
  }
  for (HeldLock& held : report.diagnosis.held) held.acquisition.reset();
  const std::string asking = postmortem_of(report);
  EXPECT_EQ(asking.find("Orders that were seen"), std::string::npos);
  EXPECT_NE(asking.find("- [ ] Why does `Router::reload` at `router.cpp:131` want `g_router.mu_` "
                        "while its thread has `g_cache.mu_`?"),
            std::string::npos);
}

TEST(Postmortem, NamesTheOuterFrameOfASelfDeadlock) {
  Report report = golden::self_deadlock();
  EXPECT_NE(
      postmortem_of(report).find("- `mutex 0x7ffd10203040` is taken in `main`, and wanted again in "
                                 "`Index::compact` at `index.cpp:55`.\n"),
      std::string::npos);
  report.diagnosis.held[0].acquisition.reset();
  EXPECT_NE(postmortem_of(report).find("- [ ] Which frame further out on the same stack took"),
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
