// Which bytes can be paths to a FIFO.

#include "attach/fifo_openers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace pstuck {
namespace {

using Paths = std::vector<std::string>;

TEST(FifoOpeners, ANameIsAWordOfItsOwn) {
  EXPECT_EQ(find_paths("old-replies replies", "replies"),
            (Paths{"replies", "old-replies replies"}));
  for (const char* const other : {"", "old-replies", "replies.old", "replies2", "my_replies"}) {
    EXPECT_EQ(find_paths(other, "replies"), Paths{}) << other;
  }
  EXPECT_EQ(find_paths("anything", ""), Paths{});
}

TEST(FifoOpeners, APathIsWhatStandsBeforeTheName) {
  EXPECT_EQ(find_paths("/srv/a/replies", "replies"), (Paths{"/srv/a/replies"}));
  EXPECT_EQ(find_paths(std::string_view("x\0../replies\0/srv/replies", 25), "replies"),
            (Paths{"../replies", "/srv/replies"}));
  EXPECT_EQ(find_paths("exec 3<\"/srv/replies\"", "replies"),
            (Paths{"/srv/replies", "exec 3<\"/srv/replies"}));
  EXPECT_EQ(find_paths("/srv/my files/replies", "replies"),
            (Paths{"files/replies", "/srv/my files/replies"}));
}

TEST(FifoOpeners, ShortWordsAreInAnyMemory) {
  EXPECT_EQ(find_paths("f1", "f1"), Paths{});
  EXPECT_EQ(find_paths("/d/f1", "f1"), Paths{"/d/f1"});
}

TEST(FifoOpeners, BytesWithoutEndGiveFewPaths) {
  std::string bytes(10000, 'a');
  EXPECT_EQ(find_paths(bytes + "/replies", "replies").front().size(), 4096U);
  for (int i = 0; i < 1000; ++i) bytes += fmt::format("/{}/replies", i) + '\0';
  EXPECT_EQ(find_paths(bytes, "replies").size(), 64U);
}

}  // namespace
}  // namespace pstuck
