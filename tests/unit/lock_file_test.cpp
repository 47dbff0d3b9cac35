#include "cli/lock_file.h"

#include <gtest/gtest.h>

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
  const auto locks = parse_lock_file(kWhole, "my.toml");
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
  const auto locks = parse_lock_file(
      "[[lock]]\ntype = \"L\"\nwaits_in = [\"f\"]\nargument = 2\nowner = { offset = 4 }\n", "x");
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0].wait, WaitKind::kLock);
  EXPECT_EQ(locks[0].argument, 2U);
  ASSERT_TRUE(locks[0].owner);
  EXPECT_EQ(locks[0].owner->size, 4U);
  EXPECT_EQ(locks[0].owner->unit, LockDescription::OwnerUnit::kTid);
  EXPECT_TRUE(parse_lock_file("", "x").empty());
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
  EXPECT_EQ(refusal(begin + "argument = 1\nowner = 4\n"), "my.toml:5:9: \"owner\" is not a table");
  EXPECT_EQ(refusal(begin + "argument = 1\nowner = { offset = 4, size = 6 }\n"),
            "my.toml:5:9: an owner cannot have 6 bytes");
  EXPECT_EQ(refusal(begin + "argument = 1\nowner_unit = \"tid\"\n"),
            "my.toml:1:1: \"owner_unit\" without \"owner\"");
  EXPECT_EQ(refusal("lock = 3\n"), "my.toml:1:8: \"lock\" is not a list");
  EXPECT_EQ(refusal("lock = [3]\n"), "my.toml:1:9: a lock is not a table");
  EXPECT_EQ(refusal("[[locks]]\n"), "my.toml:1:3: the file has no key \"locks\"");
}

TEST(LockFile, OfLibrariesIsRight) {
  EXPECT_GT(parse_lock_file(library_locks(), "library_locks.toml").size(), 20U);
}

TEST(LockFile, OfTheUserComesFirst) {
  EXPECT_EQ(read_lock_files({}).front().type,
            parse_lock_file(library_locks(), "library_locks.toml").front().type);
  EXPECT_THROW(read_lock_files({"/nowhere/at/all.toml"}), Error);
}

}  // namespace
}  // namespace pstuck
