#include <gtest/gtest.h>

#include "attach/error.h"
#include "cli/commands/run.h"

namespace pstuck {
namespace {

using Words = std::vector<std::string>;

RunRequest parse(std::vector<const char*> words) {
  words.insert(words.begin(), "pstuck");
  Run command;
  command.line().parse(static_cast<int>(words.size()), words.data());
  return command.request();
}

std::string refusal(const std::vector<const char*>& words) {
  try {
    parse(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::kUsage);
    return error.what();
  }
  return "accepted";
}

TEST(RunRequest, HasDefaults) {
  const RunRequest request = parse({"--timeout", "10m", "true"});
  EXPECT_EQ(request.timeout, std::chrono::minutes(10));
  EXPECT_FALSE(request.quiet);
  EXPECT_EQ(request.kill_after, std::chrono::seconds(10));
  EXPECT_EQ(request.budget, std::chrono::seconds(60));
}

TEST(RunRequest, FromTheFirstWordOnAllIsTheCommands) {
  EXPECT_EQ(parse({"--quiet=5m", "make", "-j", "--timeout", "9s"}).command,
            (Words{"make", "-j", "--timeout", "9s"}));
  EXPECT_EQ(parse({"--quiet", "5m", "--", "-odd", "--"}).command, (Words{"-odd", "--"}));
}

TEST(RunRequest, LooksAsIsAskedFor) {
  EXPECT_TRUE(parse({"--freeze", "--timeout", "1s", "true"}).looking.freeze);
}

TEST(RunRequest, NeedsACommandAndALimit) {
  EXPECT_EQ(refusal({"--timeout", "1s"}), "no COMMAND was given");
  EXPECT_EQ(refusal({"true"}), "no limit was given");
  EXPECT_EQ(refusal({"--timeout", "10", "true"}), "--timeout cannot be \"10\"");
  EXPECT_EQ(refusal({"--timeout", "1s", "--kill-after", "0s", "true"}),
            "--kill-after cannot be \"0s\"");
}

}  // namespace
}  // namespace pstuck
