#include "cli/lock_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "attach/error.h"

namespace pstuck {
namespace {

/// What is said to be wrong; "accepted" where nothing is.
std::string refusal(std::string_view text) {
  try {
    parse_lock_file(text, "my.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::kUsage);
    return error.what();
  }
  return "accepted";
}

constexpr std::string_view kWhole = R"([[lock]]
type = "app::Lock"
waits_in = ["app::Lock::lock", "app::Lock::slow"]
wait = "write"
futex_offset = 4
owner = { offset = 8, size = 8 }
owner_unit = "pthread_t"
)";

TEST(LockFile, DescribesALock) {
  const auto locks = parse_lock_file(kWhole, "my.toml").locks;
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].type, "app::Lock");
  EXPECT_EQ(locks[0].waits_in, (std::vector<std::string>{"app::Lock::lock", "app::Lock::slow"}));
  EXPECT_EQ(locks[0].wait, WaitKind::kWriteLock);
  EXPECT_EQ(locks[0].futex_offset, 4U);
  EXPECT_FALSE(locks[0].argument);
  ASSERT_TRUE(locks[0].owner);
  EXPECT_EQ(locks[0].owner->offset, 8U);
  EXPECT_EQ(locks[0].owner->size, 8U);
  EXPECT_EQ(locks[0].owner->unit, LockDescription::OwnerUnit::kPthread);
}

TEST(LockFile, HasDefaults) {
  const auto locks =
      parse_lock_file(
          "[[lock]]\ntype = \"L\"\nwaits_in = [\"f\"]\nargument = 2\nowner = { offset = 4 }\n", "x")
          .locks;
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].wait, WaitKind::kLock);
  EXPECT_EQ(locks[0].argument, 2U);
  ASSERT_TRUE(locks[0].owner);
  EXPECT_EQ(locks[0].owner->size, 4U);
  EXPECT_EQ(locks[0].owner->unit, LockDescription::OwnerUnit::kTid);
  EXPECT_TRUE(parse_lock_file("", "x").locks.empty());
}

TEST(LockFile, SaysWhereItIsWrong) {
  const std::string begin = "[[lock]]\ntype = \"L\"\nwaits_in = [\"f\"]\n";
  EXPECT_TRUE(refusal("[[lock]]\ntype = \n").starts_with("my.toml:2:")) << refusal("a = \n");
  EXPECT_EQ(refusal("[[lock]]\ntyp = \"L\"\n"), "my.toml:2:1: [[lock]] has no key \"typ\"");
  EXPECT_EQ(refusal("[[lock]]\ntype = \"L\"\n"), "my.toml:1:1: [[lock]] lacks \"waits_in\"");
  EXPECT_EQ(refusal("[[lock]]\ntype = 7\nwaits_in = [\"f\"]"),
            "my.toml:2:8: \"type\" is not a text");
  EXPECT_EQ(refusal("[[lock]]\ntype = \"L\"\nwaits_in = [\"f\", 3]\n"),
            "my.toml:3:18: \"waits_in\" has an item that is not a text");
  EXPECT_EQ(refusal("[[lock]]\ntype = \"L\"\nwaits_in = []\n"),
            "my.toml:3:12: \"waits_in\" is not a list of texts");
  EXPECT_EQ(refusal(begin), "my.toml:1:1: [[lock]] needs either \"futex_offset\" or \"argument\"");
  EXPECT_EQ(refusal(begin + "argument = 1\nfutex_offset = 0\n"),
            "my.toml:1:1: [[lock]] needs either \"futex_offset\" or \"argument\"");
  EXPECT_EQ(refusal(begin + "futex_offset = -4\n"),
            "my.toml:4:16: \"futex_offset\" is not a number from 0 to 2147483647");
  EXPECT_EQ(refusal(begin + "argument = 7\n"),
            "my.toml:4:12: \"argument\" is not a number from 1 to 6");
  EXPECT_EQ(refusal(begin + "argument = 1\nwait = \"sleep\"\n"),
            "my.toml:5:8: \"wait\" cannot be \"sleep\"");
  EXPECT_EQ(refusal(begin + "argument = 1\nowner = 4\n"),
            "my.toml:5:9: \"owner\" is neither a text nor a table");
  EXPECT_EQ(refusal(begin + "argument = 1\nowner = { offset = 4, size = 6 }\n"),
            "my.toml:5:30: an owner cannot have 6 bytes");
  EXPECT_EQ(refusal(begin + "argument = 1\nowner_unit = \"tid\"\n"),
            "my.toml:1:1: \"owner_unit\" without \"owner\"");
  EXPECT_EQ(refusal("lock = 3\n"), "my.toml:1:8: \"lock\" is not a list");
  EXPECT_EQ(refusal("lock = [3]\n"), "my.toml:1:9: \"lock\" has an item that is no table");
  EXPECT_EQ(refusal("[[locks]]\n"), "my.toml:1:3: the file has no key \"locks\"");
}

constexpr std::string_view kBegin = "[[lock]]\ntype = \"L\"\nwaits_in = [\"f\"]\nargument = 1\n";

LockDescription described(const std::string& rest) {
  return parse_lock_file(std::string(kBegin) + rest, "my.toml").locks.at(0);
}

std::string refusal_after_begin(const std::string& rest) {
  return refusal(std::string(kBegin) + rest);
}

TEST(LockFile, NamesTheOwnersMember) {
  const auto owner = described("owner = \"app::Lock<a::B>::state_.owner\"\n").owner;
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->type, "app::Lock<a::B>");
  EXPECT_EQ(owner->member, "state_.owner");
  EXPECT_EQ(owner->unit, LockDescription::OwnerUnit::kTid);
  for (const std::string wrong : {"owner_", "Lock<a::b>", "::owner", "Lock::", "Lock::a..b",
                                  "Lock::.a", "Lock::a->b", "Lock::a[1]"}) {
    EXPECT_EQ(refusal_after_begin("owner = \"" + wrong + "\"\n"),
              "my.toml:5:9: \"" + wrong + "\" names no member of a type");
  }
}

TEST(LockFile, DescribesATableOfThreads) {
  const auto by_numbers = described(
      "owner = { offset = 4, size = 2 }\nowner_unit = \"index\"\n"
      "owner_table = { variable = \"app::threads\", stride = 32, offset = 16, first = 1, "
      "unit = \"pthread_t\" }\n");
  ASSERT_TRUE(by_numbers.owner && by_numbers.owner->table);
  EXPECT_EQ(by_numbers.owner->size, 2U);
  EXPECT_EQ(by_numbers.owner->table->variable, "app::threads");
  EXPECT_EQ(by_numbers.owner->table->stride, 32U);
  EXPECT_EQ(by_numbers.owner->table->offset, 16U);
  EXPECT_EQ(by_numbers.owner->table->size, 8U);
  EXPECT_EQ(by_numbers.owner->table->first, 1U);
  const auto by_name = described(
      "owner = \"L::owner\"\nowner_unit = \"index\"\n"
      "owner_table = { variable = \"threads\", member = \"info.tid\" }\n");
  ASSERT_TRUE(by_name.owner && by_name.owner->table);
  EXPECT_EQ(by_name.owner->table->member, "info.tid");
}

TEST(LockFile, RefusesAWrongTable) {
  const auto table = [](const std::string& keys) {
    return refusal_after_begin("owner = \"L::o\"\nowner_unit = \"index\"\nowner_table = { " + keys +
                               " }\n");
  };
  EXPECT_EQ(table("stride = 4"), "my.toml:7:15: \"owner_table\" lacks \"variable\"");
  EXPECT_EQ(table("variable = \"t\""),
            "my.toml:7:15: \"owner_table\" needs either \"member\" or \"stride\"");
  EXPECT_EQ(table("variable = \"t\", member = \"m\", offset = 4"),
            "my.toml:7:47: \"owner_table\" has no key \"offset\"");
  EXPECT_EQ(table("variable = \"t\", member = \"a[1]\""), "my.toml:7:42: \"a[1]\" names no member");
  EXPECT_EQ(table("variable = \"t\", stride = 4, offset = 4"),
            "my.toml:7:15: a slot ends before the thread's id in it does");
  EXPECT_EQ(table("variable = \"t\", stride = 8, size = 2"),
            "my.toml:7:52: an owner cannot have 2 bytes");
  EXPECT_EQ(table("variable = \"t\", stride = 8, unit = \"index\""),
            "my.toml:7:52: \"unit\" cannot be \"index\"");
  EXPECT_EQ(refusal_after_begin("owner = \"L::o\"\nowner_unit = \"index\"\n"),
            "my.toml:1:1: \"owner_table\" and owner_unit = \"index\" go together");
  EXPECT_EQ(refusal_after_begin("owner = \"L::o\"\nowner_table = { variable = \"t\" }\n"),
            "my.toml:1:1: \"owner_table\" and owner_unit = \"index\" go together");
  EXPECT_EQ(refusal_after_begin("owner_table = { variable = \"t\" }\n"),
            "my.toml:1:1: \"owner_table\" without \"owner\"");
}

TEST(LockFile, NamesTheFunctionsThatTakeTheLock) {
  using Does = OwnLockFunction::Does;
  const auto lock = described(
      "wait = \"read\"\n"
      "takes = [\"L::lock\", { function = \"try_it\", argument = 2, if_returns = \"zero\" }]\n"
      "gives_back = [{ function = \"L::unlock\", argument = 3 }]\n");
  ASSERT_EQ(lock.functions.size(), 3U);
  EXPECT_EQ(lock.functions[0].name, "L::lock");
  EXPECT_EQ(lock.functions[0].does, Does::kTakes);
  EXPECT_EQ(lock.functions[0].argument, 1U);
  EXPECT_TRUE(lock.functions[0].shared);
  EXPECT_EQ(lock.functions[1].name, "try_it");
  EXPECT_EQ(lock.functions[1].does, Does::kTriesForZero);
  EXPECT_EQ(lock.functions[1].argument, 2U);
  EXPECT_EQ(lock.functions[2].does, Does::kGivesBack);
  EXPECT_EQ(lock.functions[2].argument, 3U);
}

TEST(LockFile, RefusesWrongFunctions) {
  EXPECT_EQ(refusal_after_begin("takes = \"f\"\n"),
            "my.toml:5:9: \"takes\" is not a list of texts");
  EXPECT_EQ(refusal_after_begin("takes = [3]\n"),
            "my.toml:5:10: \"takes\" has an item that is no function");
  EXPECT_EQ(refusal_after_begin("takes = [{ argument = 1 }]\n"),
            "my.toml:5:10: takes lacks \"function\"");
  EXPECT_EQ(refusal_after_begin("takes = [{ function = \"f\", argument = 7 }]\n"),
            "my.toml:5:39: \"argument\" is not a number from 1 to 6");
  EXPECT_EQ(refusal_after_begin("takes = [{ function = \"f\", if_returns = \"true\" }]\n"),
            "my.toml:5:41: \"if_returns\" cannot be \"true\"");
  EXPECT_EQ(refusal_after_begin("gives_back = [{ function = \"f\", if_returns = \"zero\" }]\n"),
            "my.toml:5:33: gives_back has no key \"if_returns\"");
  EXPECT_EQ(refusal_after_begin("wait = \"arrivals\"\ntakes = [\"f\"]\n"),
            "my.toml:6:9: \"takes\" of what nobody can have");
}

TEST(LockFile, HasRulesForThreads) {
  const auto rules =
      parse_lock_file(
          "[[idle]]\nwaits_in = [\"f\"]\nwaits_for = [\"unit\", \"poll\"]\n"
          "reason = \"r\"\n[[ask]]\nunder = [\"g\"]\nreason = \"s\"\ncommand = \"c\"\n",
          "my.toml")
          .rules;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].remark.says, Remark::Says::kAsk);
  EXPECT_EQ(rules[0].under, std::vector<std::string>{"g"});
  EXPECT_EQ(rules[0].remark.command, "c");
  EXPECT_EQ(rules[1].remark.says, Remark::Says::kIdle);
  EXPECT_EQ(rules[1].remark.reason, "r");
  EXPECT_EQ(rules[1].waits_for, std::vector{WaitKind::kUnit});
  EXPECT_EQ(rules[1].calls.size(), 1U);
}

TEST(LockFile, SaysWhereARuleIsWrong) {
  EXPECT_EQ(refusal("[[idle]]\nreason = \"r\"\n"),
            "my.toml:1:1: a rule needs \"waits_in\", \"under\" or \"modules\"");
  EXPECT_EQ(refusal("[[idle]]\nunder = [\"f\"]\n"), "my.toml:1:1: [[idle]] lacks \"reason\"");
  EXPECT_EQ(refusal("[[ask]]\nunder = [\"f\"]\nreason = \"r\"\n"),
            "my.toml:1:1: [[ask]] lacks \"command\"");
  EXPECT_EQ(refusal("[[idle]]\nunder = [\"f\"]\nreason = \"r\"\ncommand = \"c\"\n"),
            "my.toml:4:1: [[idle]] has no key \"command\"");
  EXPECT_EQ(refusal("[[idle]]\nunder = [\"f\"]\nreason = \"r\"\nwaits_for = [\"tea\"]\n"),
            "my.toml:4:13: \"waits_for\" has \"tea\", which threads do not wait for");
}

/// The examples of the manual's section, one after the other.
std::vector<std::string> examples_of_manual() {
  std::ifstream file(PSTUCK_SOURCE_DIR "/cli/pstuck.1");
  std::vector<std::string> examples;
  bool in_section = false;
  bool in_example = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(".SH")) in_section = line == ".SH LOCK FILES";
    if (line == ".nf" && in_section) examples.emplace_back();
    if (line == ".nf" || line == ".fi") {
      in_example = in_section && line == ".nf";
    } else if (in_example) {
      examples.back() += line + "\n";
    }
  }
  return examples;
}

TEST(LockFile, IsAsTheManualShows) {
  const std::vector<std::string> examples = examples_of_manual();
  ASSERT_EQ(examples.size(), 3U);
  EXPECT_EQ(parse_lock_file(examples[0], "manual").locks.size(), 2U);
  EXPECT_EQ(parse_lock_file(examples[2], "manual").rules.size(), 2U);
  // A unit, and two ways to write its table.
  std::istringstream lines(examples[1]);
  std::string unit;
  std::getline(lines, unit);
  std::size_t tables = 0;
  for (std::string table; std::getline(lines, table); ++tables) {
    EXPECT_TRUE(described("owner = \"L::o\"\n" + unit + "\n" + table + "\n").owner->table);
  }
  EXPECT_EQ(tables, 2U);
}

TEST(LockFile, OfLibrariesIsRight) {
  EXPECT_GT(parse_lock_file(library_locks(), "library_locks.toml").locks.size(), 20U);
  EXPECT_GT(parse_lock_file(thread_rules(), "thread_rules.toml").rules.size(), 15U);
}

TEST(LockFile, OfTheUserComesFirst) {
  EXPECT_EQ(read_lock_files({}).locks.front().type,
            parse_lock_file(library_locks(), "library_locks.toml").locks.front().type);
  EXPECT_THROW(read_lock_files({"/nowhere/at/all.toml"}), Error);
}

}  // namespace
}  // namespace pstuck
