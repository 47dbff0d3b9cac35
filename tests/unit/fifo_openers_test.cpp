// Which bytes name a FIFO.

#include "attach/fifo_openers.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

TEST(FifoOpeners, NameIsAWordOfItsOwn) {
  EXPECT_TRUE(has_file_name("cat < replies > x", "/run/app/replies"));
  EXPECT_TRUE(has_file_name("/srv/replies", "replies"));
  EXPECT_TRUE(has_file_name(std::string_view("a\0replies\0b", 11), "/tmp/replies"));
  EXPECT_TRUE(has_file_name("old-replies replies", "replies"));
  for (const char* const other : {"", "old-replies", "replies.old", "replies2", "my_replies"}) {
    EXPECT_FALSE(has_file_name(other, "/tmp/replies")) << other;
  }
}

TEST(FifoOpeners, ShortNamesAreInAnyMemory) {
  EXPECT_FALSE(has_file_name("f1", "/tmp/f1"));
  EXPECT_FALSE(has_file_name("anything", ""));
  EXPECT_FALSE(has_file_name("anything", "/tmp/"));
}

}  // namespace
}  // namespace pstuck
