#include "attach/call_subject.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

constexpr Address kArgument{0x5000};

class CallSubjects : public ::testing::Test {
 protected:
  std::optional<CallSubject> find(std::int64_t number, std::array<std::uint64_t, 6> arguments) {
    return find_call_subject(number, arguments, memory_);
  }

  testing::FakeMemory memory_;
};

TEST_F(CallSubjects, NameTheDescriptorOfTheirFirstArgument) {
  EXPECT_EQ(find(SYS_read, {7})->descriptors, std::vector<std::int32_t>{7});
  EXPECT_EQ(find(SYS_read, {7})->act, CallAct::kRead);
  EXPECT_EQ(find(SYS_accept4, {8})->act, CallAct::kAccept);
  EXPECT_TRUE(find(SYS_read, {0xffffffff})->descriptors.empty()) << "-1 is none";
  EXPECT_EQ(find(SYS_getpid, {}), std::nullopt);
}

TEST_F(CallSubjects, OfSpliceAndSendfileAreTwoDescriptors) {
  EXPECT_EQ(find(SYS_splice, {3, 0, 4, 0})->descriptors, (std::vector<std::int32_t>{3, 4}));
  EXPECT_EQ(find(SYS_sendfile, {5, 6})->descriptors, (std::vector<std::int32_t>{6, 5}))
      << "where the data comes from is first";
}

TEST_F(CallSubjects, OfPollAreThoseOfItsArray) {
  struct Entry {
    std::int32_t descriptor;
    std::uint32_t events;
  };
  memory_.put_object(kArgument, std::array<Entry, 3>{{{9, 1}, {-1, 1}, {10, 1}}});
  EXPECT_EQ(find(SYS_poll, {kArgument.value, 3})->descriptors, (std::vector<std::int32_t>{9, 10}));
  EXPECT_EQ(find(kRestartSyscall, {kArgument.value, 1})->descriptors, std::vector<std::int32_t>{9});
  EXPECT_TRUE(find(SYS_poll, {0x1000, 3})->descriptors.empty()) << "unreadable";
  EXPECT_TRUE(find(SYS_poll, {kArgument.value, std::uint64_t{1} << 40})->descriptors.empty());
}

TEST_F(CallSubjects, OfPollAreNotMoreThanCanBeTold) {
  std::array<std::uint64_t, 100> entries{};
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = i;
  memory_.put_object(kArgument, entries);
  const auto subject = find(SYS_poll, {kArgument.value, entries.size()});
  EXPECT_EQ(subject->descriptors.size(), kMostDescriptors);
  EXPECT_TRUE(subject->more_descriptors);
}

TEST_F(CallSubjects, OfSelectAreTheBitsOfItsSets) {
  std::array<std::uint64_t, 16> set{};
  set[0] = 1U << 5;
  set[1] = 1;
  memory_.put_object(kArgument, set);
  EXPECT_EQ(find(SYS_pselect6, {65, kArgument.value, 0, 0})->descriptors,
            (std::vector<std::int32_t>{5, 64}));
  EXPECT_EQ(find(SYS_pselect6, {64, kArgument.value, 0, 0})->descriptors,
            std::vector<std::int32_t>{5});
}

TEST_F(CallSubjects, OfWaitsIsAChildOrAny) {
  EXPECT_EQ(find(SYS_wait4, {4711})->child, Tid{4711});
  EXPECT_EQ(find(SYS_wait4, {std::uint64_t(-1)})->child, std::nullopt);
  EXPECT_EQ(find(SYS_waitid, {1, 4711})->child, Tid{4711}) << "P_PID";
  EXPECT_EQ(find(SYS_wait4, {std::uint64_t(-4711)})->group, 4711);
  EXPECT_EQ(find(SYS_waitid, {2, 4711})->group, 4711) << "P_PGID";
  EXPECT_EQ(find(SYS_waitid, {3, 12})->descriptors, std::vector<std::int32_t>{12}) << "P_PIDFD";
}

TEST_F(CallSubjects, OfFileLocksTellWhetherTheyAreExclusive) {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_start = 8;
  wanted.l_len = 2;
  memory_.put_object(kArgument, wanted);
  EXPECT_TRUE(find(SYS_fcntl, {3, 7, kArgument.value})->exclusive);
  EXPECT_EQ(find(SYS_fcntl, {3, 6, kArgument.value}), std::nullopt) << "F_SETLK does not wait";
  EXPECT_EQ(find(SYS_fcntl, {3, 7, kArgument.value})->bytes, std::pair(8UL, 9UL));
  EXPECT_TRUE(find(SYS_flock, {3, 2})->exclusive);
  EXPECT_FALSE(find(SYS_flock, {3, 1})->exclusive);
}

TEST_F(CallSubjects, OfOpenIsAPath) {
  memory_.put_object(kArgument, std::array<char, 8>{"/a/fifo"});
  EXPECT_EQ(find(SYS_openat, {0xffffff9c, kArgument.value})->path, "/a/fifo");
  EXPECT_EQ(find(SYS_openat, {0xffffff9c, 0x1000})->path, "");
}

}  // namespace
}  // namespace pstuck
