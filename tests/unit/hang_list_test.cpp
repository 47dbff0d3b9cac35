// What is told of a hang where there is room for a few lines.

#include "cli/run/hang_list.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/run/artifacts.h"
#include "cli/run/github.h"
#include "cli/run/junit.h"
#include "tests/golden/reports.h"

namespace pstuck {
namespace {

Reports reports_named(const std::string& name) {
  auto all = golden::all_reports();
  const auto found = std::ranges::find(all, name, &golden::NamedReports::name);
  return std::move(found->reports);
}

TEST(HangList, ADeadlockHasItsThreadsAndItsPlace) {
  const Reports reports = reports_named("two_lock_deadlock");
  const std::vector<Hang> hangs = list_hangs(reports);
  ASSERT_EQ(hangs.size(), 1U);
  EXPECT_EQ(hangs[0].word, "DEADLOCK");
  EXPECT_EQ(hangs[0].sentence,
            "orderd (pid 48213): 2 threads wait for each other · for 3m 12s · 8 more are stuck "
            "behind them");
  EXPECT_TRUE(hangs[0].details.starts_with("  worker-3 (48231)  holds g_router.mu_"))
      << hangs[0].details;
  EXPECT_TRUE(hangs[0].file.ends_with("cache.cpp"));
  EXPECT_EQ(hangs[0].line, 41);
}

TEST(HangList, OneOverProcessesComesFirst) {
  const Reports reports = reports_named("processes_deadlock");
  const std::vector<Hang> hangs = list_hangs(reports);
  ASSERT_FALSE(hangs.empty());
  EXPECT_NE(hangs[0].sentence.find(" wait for each other"), std::string::npos);
  EXPECT_GE(std::ranges::count(hangs[0].details, '\n'), 3);
}

TEST(HangList, OthersAreStuck) {
  const Reports reports = reports_named("owner_exited");
  const std::vector<Hang> hangs = list_hangs(reports);
  ASSERT_EQ(hangs.size(), 1U);
  EXPECT_EQ(hangs[0].word, "STUCK");
  EXPECT_GT(hangs[0].line, 0);
}

TEST(HangList, IsEmptyWhereNothingHangs) {
  EXPECT_TRUE(list_hangs(reports_named("healthy")).empty());
  EXPECT_TRUE(list_hangs(reports_named("empty")).empty());
}

TEST(GitHub, AnnotationsAreOneLineEach) {
  EXPECT_EQ(
      github_annotations({{.word = "DEADLOCK",
                           .sentence = "100% stuck",
                           .details = "  a:\n  b, c\n",
                           .file = "/w/src/a,b:c.cpp",
                           .line = 7},
                          {.word = "STUCK", .sentence = "d", .file = "/usr/e.h", .line = 1}},
                         "", "/w"),
      "::error file=src/a%2Cb%3Ac.cpp,line=7,title=DEADLOCK::100%25 stuck%0A  a:%0A  b, c%0A\n"
      "::error file=/usr/e.h,line=1,title=STUCK::d\n");
}

TEST(GitHub, TextOfTheTargetCannotBeginAnotherCommand) {
  const Reports reports = reports_named("hostile_names");
  const auto hangs = list_hangs(reports);
  const std::string lines = github_annotations(hangs, "", "");
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(lines, '\n')), hangs.size()) << lines;
  EXPECT_TRUE(std::ranges::all_of(lines, [](char c) { return c == '\n' || c < 0 || c >= ' '; }));
}

TEST(GitHub, ATimeoutWithoutAHangIsToldToo) {
  EXPECT_EQ(github_annotations({}, "make did not end within 10m 00s", "/w"),
            "::error title=TIMEOUT::make did not end within 10m 00s; no hang was found\n");
}

TEST(JUnit, EscapesWhatXmlNeeds) {
  const std::string document = junit_document(
      {.name = "a <b> & \"c\"",
       .time = std::chrono::milliseconds(1500),
       .failure = TestCase::Failure{.type = "STUCK", .message = "<m>", .text = "1\n<2>\n"}});
  EXPECT_NE(document.find("name=\"a &lt;b&gt; &amp; &quot;c&quot;\" time=\"1.500\""),
            std::string::npos)
      << document;
  EXPECT_NE(document.find("<failure type=\"STUCK\" message=\"&lt;m&gt;\">1\n&lt;2&gt;\n</failure>"),
            std::string::npos);
  EXPECT_EQ(junit_document({.name = "a"}).find("<failure"), std::string::npos);
}

TEST(Artifacts, NamesAreExpanded) {
  EXPECT_EQ(expand_name("hangs/%n.%p", "/usr/bin/make", {12}), "hangs/make.12");
  EXPECT_EQ(expand_name("100%%n %x %", "make", {12}), "100%n %x %");
}

TEST(Artifacts, AreAboutThoseThatHang) {
  EXPECT_EQ(find_hanging(reports_named("two_targets")).size(), 1U);
  EXPECT_EQ(find_hanging(reports_named("healthy")).size(), 1U) << "nobody hangs: all of them";
}

}  // namespace
}  // namespace pstuck
