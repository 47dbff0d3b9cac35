#include <gtest/gtest.h>

#include <algorithm>

#include "attach/memory.h"

namespace pstuck {
namespace {

/// Readable from `start` on: every byte is `fill`.
class Filled final : public Memory {
 public:
  Filled(Address start, std::size_t size, int fill) : start_(start), size_(size), fill_(fill) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    if (from < start_ || from - start_ >= size_) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), size_ - (from - start_));
    std::ranges::fill(into.first(count), static_cast<std::byte>(fill_));
    return count;
  }

 private:
  Address start_;
  std::size_t size_;
  int fill_;
};

ThreadSnapshot thread_with_stack(Address start, std::size_t size, int fill) {
  ThreadSnapshot thread;
  thread.stack = {start, std::vector<std::byte>(size, static_cast<std::byte>(fill))};
  return thread;
}

std::vector<int> read(Memory& memory, Address from, std::size_t size) {
  std::vector<std::byte> bytes(size);
  bytes.resize(memory.read(from, bytes));
  std::vector<int> numbers;
  for (const std::byte byte : bytes) numbers.push_back(std::to_integer<int>(byte));
  return numbers;
}

TEST(SnapshotMemory, PrefersCapturedBytesToTheMemoryBelow) {
  Filled below({0}, 0x10000, 9);
  Snapshot snapshot;
  snapshot.threads = {thread_with_stack({0x2000}, 8, 2), thread_with_stack({0x1000}, 8, 1)};
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {0x1000}, 2), (std::vector{1, 1}));
  EXPECT_EQ(read(memory, {0x2006}, 2), (std::vector{2, 2}));
  EXPECT_EQ(read(memory, {0x3000}, 2), (std::vector{9, 9}));
}

TEST(SnapshotMemory, ReadsAcrossTheBordersOfAStack) {
  Filled below({0}, 0x10000, 9);
  Snapshot snapshot;
  snapshot.threads = {thread_with_stack({0x1000}, 2, 1)};
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {0xffe}, 6), (std::vector{9, 9, 1, 1, 9, 9}));
}

TEST(SnapshotMemory, ReadsAcrossAdjacentStacks) {
  Filled below({0}, 0, 9);
  Snapshot snapshot;
  snapshot.threads = {thread_with_stack({0x1000}, 2, 1), thread_with_stack({0x1002}, 2, 2)};
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {0x1001}, 9), (std::vector{1, 2, 2}));
}

TEST(SnapshotMemory, ReturnsTheLeadingBytesThatThereAre) {
  Filled below({0x1002}, 2, 9);
  Snapshot snapshot;
  snapshot.threads = {thread_with_stack({0x1000}, 2, 1)};
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {0x1000}, 100), (std::vector{1, 1, 9, 9}));
  EXPECT_EQ(read(memory, {0xfff}, 100), std::vector<int>{});
}

TEST(SnapshotMemory, AsksBelowWithoutAnyStack) {
  Filled below({0x1000}, 2, 9);
  Snapshot snapshot;
  snapshot.threads.resize(3);
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {0x1001}, 4), (std::vector{9}));
}

TEST(SnapshotMemory, DoesNotWrapAtTheEndOfTheAddressSpace) {
  Filled below({0}, 0x1000, 9);
  Snapshot snapshot;
  snapshot.threads = {thread_with_stack({UINT64_MAX - 1}, 2, 1)};
  SnapshotMemory memory(snapshot, below);
  EXPECT_EQ(read(memory, {UINT64_MAX}, 8), (std::vector{1}));
}

}  // namespace
}  // namespace pstuck
