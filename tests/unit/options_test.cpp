#include <gtest/gtest.h>

#include <sstream>

#include "attach/error.h"
#include "cli/commands/diagnose.h"

namespace pstuck {
namespace {

void parse(Command& command, std::vector<const char*> words) {
  words.insert(words.begin(), "pstuck");
  command.line().parse(static_cast<int>(words.size()), words.data());
}

Options parse(const std::vector<const char*>& words) {
  Diagnose command;
  parse(command, words);
  return command.options();
}

/// What is printed instead of a report.
std::string answer_to(const std::vector<const char*>& words) {
  Diagnose command;
  parse(command, words);
  return command.line().answer();
}

/// The hint of a refusal; "accepted" when there is none.
std::string hint_for(const std::vector<const char*>& words) {
  try {
    parse(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::kUsage);
    EXPECT_FALSE(std::string_view(error.what()).ends_with('.')) << error.what();
    return error.hint;
  }
  return "accepted";
}

TEST(CommandLine, HasDefaults) {
  const Options options = parse({"48213"});
  EXPECT_EQ(options.targets, std::vector<std::string>{"48213"});
  EXPECT_EQ(options.format, Format::kText);
  EXPECT_EQ(options.colour, ColourChoice::kAuto);
  EXPECT_EQ(options.max_frames, 256U);
  EXPECT_EQ(options.stack_bytes, 65536U);
  EXPECT_FALSE(options.samples);
  EXPECT_EQ(options.interval, std::chrono::milliseconds(50));
  EXPECT_TRUE(options.lines);
  EXPECT_EQ(options.scan_memory, ScanMemory::kAuto);
  EXPECT_EQ(options.max_memory, std::uint64_t{4} << 30);
  EXPECT_FALSE(options.all_threads || options.exit_code || options.freeze);
  EXPECT_TRUE(options.output.empty() && options.executable.empty());
}

TEST(CommandLine, UnderstandsSamples) {
  const Options options = parse({"--samples", "5", "--interval=2s", "1"});
  EXPECT_EQ(options.samples, 5U);
  EXPECT_EQ(options.interval, std::chrono::seconds(2));
  EXPECT_EQ(parse({"--interval", "20ms", "1"}).interval, std::chrono::milliseconds(20));
  for (const char* const word : {"0", "1001", "two", "3x"}) {
    EXPECT_EQ(hint_for({"--samples", word, "1"}), "it is a number from 1 to 1000") << word;
  }
  for (const char* const word : {"0ms", "5", "3601s", "3600001ms", "s", "2h"}) {
    EXPECT_EQ(hint_for({"--interval", word, "1"}), "it is a time up to 1h, like 50ms or 1s")
        << word;
  }
}

TEST(CommandLine, RefusesToStopAndNotToStop) {
  EXPECT_EQ(hint_for({"--freeze", "--no-stop", "1"}), "give one of them");
  EXPECT_EQ(hint_for({"--samples", "2", "--no-stop", "1"}), "give one of them");
  EXPECT_EQ(parse({"--samples", "1", "--no-stop", "1"}).samples, 1U);
}

TEST(CommandLine, UnderstandsEveryOption) {
  const Options options = parse({"-a",
                                 "--format",
                                 "json",
                                 "-o",
                                 "out",
                                 "--exit-code",
                                 "--color=never",
                                 "--no-lines",
                                 "--max-frames",
                                 "0",
                                 "--stack-bytes",
                                 "1M",
                                 "--freeze",
                                 "--scan-memory=no",
                                 "--max-memory",
                                 "512M",
                                 "--exe",
                                 "/bin/orderd",
                                 "--lock-file",
                                 "a",
                                 "--lock-file=b",
                                 "core"});
  EXPECT_TRUE(options.all_threads && options.exit_code && options.freeze && !options.lines);
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_EQ(options.output, "out");
  EXPECT_EQ(options.colour, ColourChoice::kNever);
  EXPECT_EQ(options.max_frames, 0U);
  EXPECT_EQ(options.stack_bytes, 1024U * 1024U);
  EXPECT_EQ(options.scan_memory, ScanMemory::kNo);
  EXPECT_EQ(options.max_memory, 512U << 20);
  EXPECT_EQ(options.executable, "/bin/orderd");
  EXPECT_EQ(options.lock_files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.targets, std::vector<std::string>{"core"});
}

TEST(CommandLine, FollowsGnuHabits) {
  EXPECT_EQ(parse({"1", "-ofile", "2"}).output, "file");
  EXPECT_EQ(parse({"1", "-ofile", "2"}).targets, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(parse({"-a", "--", "--freeze"}).targets, std::vector<std::string>{"--freeze"});
  EXPECT_EQ(parse({"-o", "a", "--output=b", "1"}).output, "b") << "the last one counts";
  EXPECT_EQ(parse({"--format=postmortem", "1"}).format, Format::kPostmortem);
}

TEST(CommandLine, AnswersHelpAndVersion) {
  EXPECT_NE(answer_to({"--help"}).find("Usage: pstuck"), std::string::npos);
  EXPECT_EQ(answer_to({"-h"}), answer_to({"--help"}));
  EXPECT_TRUE(answer_to({"--version"}).starts_with("pstuck "));
}

TEST(CommandLine, HelpFitsATerminal) {
  for (const CommandRow& command : list_commands()) {
    std::istringstream help(command.make()->line().help());
    for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(CommandLine, HelpListsTheCommands) {
  EXPECT_NE(answer_to({"--help"}).find("\n  run  "), std::string::npos);
}

TEST(CommandLine, SuggestsTheNearestOption) {
  EXPECT_EQ(hint_for({"--formt", "json", "1"}), "did you mean --format?");
  EXPECT_EQ(hint_for({"--exitcode", "1"}), "did you mean --exit-code?");
  EXPECT_EQ(hint_for({"--all-thread", "1"}), "did you mean --all-threads?");
  EXPECT_EQ(hint_for({"--colour=never", "1"}), "did you mean --color?");
  EXPECT_EQ(hint_for({"--utterly-different", "1"}), "see pstuck --help");
  EXPECT_EQ(hint_for({"-x", "1"}), "see pstuck --help");
}

TEST(CommandLine, RefusesWhatItCannotMean) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{
           {},
           {"--format", "yaml", "1"},
           {"--color", "1"},
           {"--max-frames", "-1", "1"},
           {"--max-frames", "1e3", "1"},
           {"--max-frames", "99999999999999999999", "1"},
           {"--stack-bytes", "64Q", "1"},
           {"--stack-bytes", "K", "1"},
           {"--stack-bytes", "18014398509481985K", "1"},
           {"--stack-bytes", "2000M", "1"},
           {"--scan-memory=maybe", "1"},
           {"--max-memory", "4T", "1"},
           {"--max-memory", "99999999999G", "1"},
           {"1", "--output"},
       }) {
    EXPECT_NE(hint_for(words), "accepted") << testing::PrintToString(words);
  }
  EXPECT_EQ(hint_for({"--format", "yaml", "1"}), "it is one of text, json, postmortem");
}

TEST(CommandLine, ReadsSizesWithTheirUnit) {
  EXPECT_EQ(parse({"--stack-bytes", "0", "1"}).stack_bytes, 0U);
  EXPECT_EQ(parse({"--stack-bytes", "256k", "1"}).stack_bytes, 256U * 1024U);
  EXPECT_EQ(parse({"--stack-bytes", "1024M", "1"}).stack_bytes, std::size_t{1} << 30);
  EXPECT_EQ(parse({"--stack-bytes", "1G", "1"}).stack_bytes, std::size_t{1} << 30);
}

TEST(CommandLine, TakesTheScanOfMemoryWithAndWithoutAValue) {
  EXPECT_EQ(parse({"--scan-memory", "1"}).scan_memory, ScanMemory::kYes);
  EXPECT_EQ(parse({"--scan-memory", "1"}).targets, std::vector<std::string>{"1"});
  EXPECT_EQ(parse({"--scan-memory=yes", "1"}).scan_memory, ScanMemory::kYes);
  EXPECT_EQ(parse({"--scan-memory=no", "--scan-memory=auto", "1"}).scan_memory, ScanMemory::kAuto);
  EXPECT_EQ(parse({"--scan-memory=no", "--scan-memory", "1"}).scan_memory, ScanMemory::kYes);
  EXPECT_EQ(parse({"--max-memory", "2g", "1"}).max_memory, std::uint64_t{2} << 30);
}

TEST(Colour, OnATerminalUnlessRefused) {
  EXPECT_TRUE(wants_colour(ColourChoice::kAuto, true, nullptr));
  EXPECT_TRUE(wants_colour(ColourChoice::kAuto, true, ""));
  EXPECT_FALSE(wants_colour(ColourChoice::kAuto, true, "1"));
  EXPECT_FALSE(wants_colour(ColourChoice::kAuto, false, nullptr));
  EXPECT_TRUE(wants_colour(ColourChoice::kAlways, false, "1"));
  EXPECT_FALSE(wants_colour(ColourChoice::kNever, true, nullptr));
}

}  // namespace
}  // namespace pstuck
