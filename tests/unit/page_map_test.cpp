#include "attach/page_map.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/core_memory.h"
#include "attach/file_memory.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;

using Ranges = std::vector<AddressRange>;

TEST(PageMap, MergesPagesThatArePresent) {
  PresentMemory memory;
  const std::uint64_t entries[] = {kPresent | 7, kPresent, 0, kSwapped, kPresent};
  add_pages(entries, {0x10000}, memory);
  add_pages(std::span(entries).first(1), {0x15000}, memory);
  EXPECT_EQ(memory.ranges, (Ranges{{{0x10000}, {0x12000}}, {{0x14000}, {0x16000}}}));
  EXPECT_EQ(memory.swapped, kPage);
}

TEST(PageMap, TellsWhatWasTouched) {
  void* memory =
      ::mmap(nullptr, 8 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::madvise(memory, 8 * kPage, MADV_NOHUGEPAGE);
  auto* bytes = static_cast<volatile char*>(memory);
  bytes[2 * kPage] = 1;
  bytes[3 * kPage] = 1;
  const Address start{reinterpret_cast<std::uintptr_t>(memory)};
  const PageMap pages(Tid{::getpid()});
  EXPECT_EQ(pages.find_present({start, start + 8 * kPage}).ranges,
            (Ranges{{start + 2 * kPage, start + 4 * kPage}}));
  EXPECT_EQ(pages.find_present({start + 2 * kPage + 8, start + 3 * kPage + 8}).ranges,
            (Ranges{{start + 2 * kPage + 8, start + 3 * kPage + 8}}));
  EXPECT_TRUE(pages.find_present({start, start}).ranges.empty());
  ::munmap(memory, 8 * kPage);
}

TEST(PageMap, TakesAllForPresentWhereItCannotBeRead) {
  const PageMap pages(Tid{0});
  EXPECT_EQ(pages.find_present({{0x1000}, {0x9000}}).ranges, (Ranges{{{0x1000}, {0x9000}}}));
}

TEST(CoreMemory, HasOnlyItsPieces) {
  const std::vector<std::byte> bytes(0x1000);
  ByteMemory file(bytes);
  CoreMemory memory;
  memory.set_pieces({{{0x1000}, {{0}, {0x1000}}, &file}, {{0x4000}, {{0}, {0x1000}}, &file}});
  EXPECT_EQ(memory.find_present({{0x1800}, {0x4800}}).ranges,
            (Ranges{{{0x1800}, {0x2000}}, {{0x4000}, {0x4800}}}));
  EXPECT_TRUE(memory.find_present({{0x2000}, {0x4000}}).ranges.empty());
  EXPECT_TRUE(memory.find_present({{0x100}, {0x200}}).ranges.empty());
}

}  // namespace
}  // namespace pstuck
