#include "attach/modules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/elf_bytes.h"

namespace pstuck {
namespace {

using testing::Bytes;
using testing::make_library_page;

/// Memory made of a few pages.
class Pages final : public Memory {
 public:
  explicit Pages(std::map<std::uint64_t, Bytes> pages) : pages_(std::move(pages)) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    const auto after = pages_.upper_bound(from.value);
    if (after == pages_.begin()) return 0;
    const auto& [start, bytes] = *std::prev(after);
    const std::uint64_t skip = from.value - start;
    if (skip >= bytes.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - skip);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(skip), count, into.begin());
    return count;
  }

 private:
  std::map<std::uint64_t, Bytes> pages_;
};

Mapping map_file(std::uint64_t start, std::uint64_t end, std::uint64_t offset, std::string path,
                 bool executable = false) {
  return {.start = {start},
          .end = {end},
          .file_offset = offset,
          .readable = true,
          .executable = executable,
          .path = std::move(path)};
}

TEST(Modules, JoinsThePiecesOfAFile) {
  Pages memory({{0x10000, make_library_page("\xab\xcd")}});
  const std::vector<Mapping> mappings = {map_file(0x8000, 0x9000, 0, ""),
                                         map_file(0x10000, 0x12000, 0, "/lib/a.so"),
                                         map_file(0x13000, 0x14000, 0x2000, "/lib/a.so")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].start, Address{0x10000});
  EXPECT_EQ(modules[0].end, Address{0x14000});
  EXPECT_EQ(modules[0].path, "/lib/a.so");
  EXPECT_EQ(modules[0].build_id, "abcd");
  EXPECT_EQ(modules[0].local_file, "");
}

TEST(Modules, TakesInTheRestOfBssButNotTheHeapBehindIt) {
  Pages memory({{0x10000, make_library_page("\x01", 0x2800)}});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x12000, 0, "/bin/a"),
                                         map_file(0x13000, 0x14000, 0x2000, "/bin/a"),
                                         map_file(0x14000, 0x90000, 0, "")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].end, Address{0x16000});
}

TEST(Modules, LeavesOutAFilePieceMappedElsewhere) {
  Pages memory({{0x10000, make_library_page("\x01")}});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x12000, 0, "/lib/a.so"),
                                         map_file(0x13000, 0x14000, 0x2000, "/lib/a.so"),
                                         map_file(0x50000, 0x51000, 0x2000, "/lib/a.so")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].end, Address{0x14000});
}

TEST(Modules, TellsTwoCopiesOfALibraryApart) {
  Pages memory({{0x10000, make_library_page("\x01")}, {0x14000, make_library_page("\x01")}});
  const std::vector<Mapping> mappings = {
      map_file(0x10000, 0x12000, 0, "/lib/a.so"), map_file(0x13000, 0x14000, 0x2000, "/lib/a.so"),
      map_file(0x14000, 0x16000, 0, "/lib/a.so"), map_file(0x17000, 0x18000, 0x2000, "/lib/a.so")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 2U);
  EXPECT_EQ(modules[0].end, Address{0x14000});
  EXPECT_EQ(modules[1].start, Address{0x14000});
  EXPECT_EQ(modules[1].end, Address{0x18000});
}

TEST(Modules, KeepsASmallFileWhoseFirstPageIsMappedTwice) {
  Pages memory({{0x10000, make_library_page("\x01")}, {0x13000, make_library_page("\x01")}});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x11000, 0, "/lib/a.so"),
                                         map_file(0x13000, 0x14000, 0, "/lib/a.so")};
  EXPECT_EQ(find_modules(mappings, memory).size(), 1U);
}

TEST(Modules, LeavesOutFilesThatAreNotElf) {
  Pages memory({{0x10000, Bytes(0x1000)}});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x11000, 0, "/fonts/a.ttf", true),
                                         map_file(0x20000, 0x21000, 0, "/dev/shm/a")};
  EXPECT_TRUE(find_modules(mappings, memory).empty());
}

TEST(Modules, LeavesOutFilesOfOtherMachines) {
  Bytes page = make_library_page("\x01");
  page[4] = std::byte{1};  // EI_CLASS: 32 bits
  Pages memory({{0x10000, page}});
  EXPECT_TRUE(
      find_modules(std::vector{map_file(0x10000, 0x12000, 0, "/lib32/a.so")}, memory).empty());
}

TEST(Modules, CountsCodeWhoseHeaderIsNotInMemory) {
  Pages memory({});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x11000, 0, "/lib/a.so"),
                                         map_file(0x11000, 0x12000, 0x1000, "/lib/a.so", true),
                                         map_file(0x12000, 0x13000, 0, ""),
                                         map_file(0x13000, 0x14000, 0x2000, "/lib/a.so"),
                                         map_file(0x20000, 0x21000, 0, "/usr/lib/locale")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].end, Address{0x14000});
  EXPECT_EQ(modules[0].build_id, "");
}

TEST(Modules, CountsTheVdso) {
  Pages memory({{0x10000, make_library_page("\x77")}});
  const auto modules =
      find_modules(std::vector{map_file(0x10000, 0x12000, 0, "[vdso]", true)}, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].build_id, "77");
}

TEST(Modules, HasNoBuildIdWhereTheFileHasNone) {
  Pages memory({{0x10000, make_library_page("")}});
  const auto modules = find_modules(std::vector{map_file(0x10000, 0x12000, 0, "/bin/a")}, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].build_id, "");
}

TEST(Modules, BelievesNoHeaderThatClaimsTheWholeAddressSpace) {
  Pages memory({{0x10000, make_library_page("\x01", UINT64_MAX - 0x5000)}});
  const std::vector<Mapping> mappings = {map_file(0x10000, 0x12000, 0, "/lib/a.so"),
                                         map_file(0x13000, 0x14000, 0x2000, "/lib/a.so"),
                                         map_file(0x20000, 0x21000, 0, "/lib/b.so")};
  const auto modules = find_modules(mappings, memory);
  ASSERT_EQ(modules.size(), 1U);
  EXPECT_EQ(modules[0].end, Address{0x14000});
}

}  // namespace
}  // namespace pstuck
