#include "attach/file_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace pstuck {
namespace {

using Ranges = std::vector<AddressRange>;

class FileMemoryTest : public ::testing::Test {
 protected:
  FileMemoryTest() : file_(::memfd_create("file", MFD_CLOEXEC)) {}

  void write(std::uint64_t at, std::size_t size, int value) const {
    const std::vector<std::byte> bytes(size, static_cast<std::byte>(value));
    EXPECT_EQ(::pwrite(file_.get(), bytes.data(), size, static_cast<off_t>(at)),
              static_cast<ssize_t>(size));
  }

  [[nodiscard]] FileMemory open() const {
    return FileMemory(Descriptor(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)));
  }

  Descriptor file_;
};

TEST_F(FileMemoryTest, ReadsAcrossItsBlocks) {
  write(0, 40'000, 1);
  write(16'380, 8, 2);
  FileMemory memory = open();
  EXPECT_EQ(memory.size(), 40'000U);
  std::vector<std::byte> bytes(16);
  EXPECT_EQ(memory.read({16'376}, bytes), 16U);
  EXPECT_EQ(bytes[3], std::byte{1});
  EXPECT_EQ(bytes[4], std::byte{2});
  EXPECT_EQ(bytes[11], std::byte{2});
  EXPECT_EQ(bytes[12], std::byte{1});
  bytes.assign(50'000, std::byte{0});
  EXPECT_EQ(memory.read({10}, bytes), 39'990U);
  EXPECT_EQ(bytes[39'989], std::byte{1});
  EXPECT_EQ(memory.read({40'000}, bytes), 0U);
  EXPECT_EQ(memory.read({UINT64_MAX}, bytes), 0U);
}

TEST_F(FileMemoryTest, SurvivesAFileThatIsCut) {
  write(0, 100'000, 1);
  FileMemory memory = open();
  ASSERT_EQ(::ftruncate(file_.get(), 20'000), 0);
  std::vector<std::byte> bytes(8);
  EXPECT_EQ(memory.read({90'000}, bytes), 0U);
  EXPECT_EQ(memory.read({19'996}, bytes), 4U);
}

TEST_F(FileMemoryTest, KnowsItsHoles) {
  write(0, 4096, 1);
  write(1 << 20, 4096, 1);
  ASSERT_EQ(::ftruncate(file_.get(), 2 << 20), 0);
  FileMemory memory = open();
  const Ranges data = {{{0}, {4096}}, {{1 << 20}, {(1 << 20) + 4096}}};
  EXPECT_EQ(memory.find_present({{0}, {4 << 20}}).ranges, data);
  EXPECT_EQ(memory.find_present({{100}, {200}}).ranges, (Ranges{{{100}, {200}}}));
  EXPECT_TRUE(memory.find_present({{8192}, {1 << 20}}).ranges.empty());
  EXPECT_TRUE(memory.find_present({{3 << 20}, {4 << 20}}).ranges.empty());
}

TEST(FileMemory, OpensOnlyFiles) {
  EXPECT_EQ(FileMemory("/none").error(), ENOENT);
  EXPECT_EQ(FileMemory("/").error(), EISDIR);
  EXPECT_EQ(FileMemory("/dev/null").error(), EINVAL);
  EXPECT_EQ(FileMemory("/none").size(), 0U);
}

}  // namespace
}  // namespace pstuck
